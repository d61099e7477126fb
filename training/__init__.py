"""The training room: data sets in, a promoted model out. Imports detection, never serving."""
