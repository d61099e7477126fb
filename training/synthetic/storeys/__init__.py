"""Streets of self-built houses, some with an added storey, rendered by Blender with exact boxes.

Everything but ``blender`` is plain numpy: what stands where is drawn here, Blender only lights it.
"""
