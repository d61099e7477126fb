"""``refly.kml``: the re-fly list as flight controllers and map programs read it (OGC KML 2.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

import shapely
from shapely.geometry.base import BaseGeometry

from detection.coverage.geojson import COORDINATE_DECIMALS, cut_for_export
from detection.coverage.refly import ReflyItem, ReflySpot

_NAMESPACE = "http://www.opengis.net/kml/2.2"
_STYLES = {"spot": ("ff0a6ed9", "400a6ed9"), "item": ("ff2f24d1", "802f24d1")}
"""Line and fill of each, as KML writes colours: alpha, blue, green, red."""

KIND_ZH = {"building": "建筑", "cover": "井盖", "gap": "空白"}
REASON_ZH = {
    "partly_seen": "只拍到一部分",
    "too_coarse": "分辨率不足",
    "poor_photo": "照片模糊或曝光不当",
    "not_seen": "未拍到",
}


def build_refly_kml(name: str, spots: Sequence[ReflySpot]) -> bytes:
    """Return the document: a folder of spots to fly, and one of the things in them."""
    root = ET.Element("kml", xmlns=_NAMESPACE)
    document = ET.SubElement(root, "Document")
    ET.SubElement(document, "name").text = _printable(f"{name} 补飞清单")
    for key, (line, fill) in _STYLES.items():
        _add_style(document, key, line, fill)
    areas = ET.SubElement(document, "Folder")
    ET.SubElement(areas, "name").text = "补飞区域 (areas to fly)"
    things = ET.SubElement(document, "Folder")
    ET.SubElement(things, "name").text = "目标 (targets)"
    for spot in spots:
        _add_placemark(areas, f"补飞 {spot.number}", _describe_spot(spot), "spot", spot.polygon)
        for item in spot.items:
            label = f"{KIND_ZH[item.kind]} {item.item_id} {item.name}".strip()
            _add_placemark(things, label, _describe_item(item), "item", item.geometry)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _describe_spot(spot: ReflySpot) -> str:
    things = "、".join(f"{KIND_ZH[one.kind]} {one.item_id}" for one in spot.items)
    return f"{_describe_height(spot.max_height_m)}{things}"


def _describe_item(item: ReflyItem) -> str:
    return f"{_describe_height(item.max_height_m)}{REASON_ZH[item.reason.value]}"


def _describe_height(max_height_m: float | None) -> str:
    return "" if max_height_m is None else f"距目标不高于 {max_height_m:.0f} m。"


def _add_style(document: ET.Element, key: str, line: str, fill: str) -> None:
    style = ET.SubElement(document, "Style", id=key)
    ET.SubElement(ET.SubElement(style, "LineStyle"), "color").text = line
    ET.SubElement(ET.SubElement(style, "PolyStyle"), "color").text = fill


def _add_placemark(
    folder: ET.Element, name: str, description: str, style: str, geometry: BaseGeometry
) -> None:
    placemark = ET.SubElement(folder, "Placemark")
    for tag, text in (("name", name), ("description", description), ("styleUrl", f"#{style}")):
        ET.SubElement(placemark, tag).text = _printable(text)
    parts = shapely.get_parts(cut_for_export(geometry)).tolist()
    place = placemark if len(parts) == 1 else ET.SubElement(placemark, "MultiGeometry")
    for part in parts:
        _add_geometry(place, part)


def _add_geometry(place: ET.Element, part: BaseGeometry) -> None:
    if isinstance(part, shapely.Polygon):
        polygon = ET.SubElement(place, "Polygon")
        rings: Mapping[str, Sequence[BaseGeometry]] = {
            "outerBoundaryIs": [part.exterior],
            "innerBoundaryIs": list(part.interiors),
        }
        for tag, borders in rings.items():
            for border in borders:
                ring = ET.SubElement(ET.SubElement(polygon, tag), "LinearRing")
                ET.SubElement(ring, "coordinates").text = _list_coordinates(border)
    else:
        point = ET.SubElement(place, "Point")
        ET.SubElement(point, "coordinates").text = _list_coordinates(part)


def _list_coordinates(geometry: BaseGeometry) -> str:
    return " ".join(
        f"{lon:.{COORDINATE_DECIMALS}f},{lat:.{COORDINATE_DECIMALS}f}"
        for lon, lat in shapely.get_coordinates(geometry)
    )


def _printable(text: str) -> str:
    """Drop control characters, which XML cannot hold."""
    return "".join(one for one in text if one.isprintable())
