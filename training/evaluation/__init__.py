"""Parts of the evaluation: answers, counts, curves, outlines, intervals, slices, gallery."""
