"""What a person gets in their hands: GeoJSON, COCO results, crops, failures, a page to open."""
