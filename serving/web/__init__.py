"""The pages: server-rendered templates, our small scripts, two languages."""
