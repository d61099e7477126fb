"""Labelled sets of other tools to annotated photos: YOLO, COCO, Pascal VOC, Label Studio."""
