"""A building register as a town keeps it: Chinese headings, names of owners, and broken rows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from training.synthetic.geodesy import StreetFrame
from training.synthetic.textures import Rng
from training.synthetic.village.changes import House

HEADINGS = (
    "建筑编号",
    "户主姓名",
    "门牌地址",
    "经度",
    "纬度",
    "许可层数",
    "许可面积",
    "用地批准书号",
    "建设工程规划许可证号",
    "施工许可证号",
    "用途",
)
NUMERALS = ("零层", "一层", "二层", "三层", "四层", "五层", "六层", "七层")
STOCK_SHARE = 0.1
"""Houses that had more storeys than permitted already at the earlier flight."""


def permit_storeys(rng: Rng, houses: Sequence[House]) -> list[int]:
    """Draw what each house is permitted: what stood at the earlier flight, for most of them."""
    return [max(1, house.plot.storeys - int(rng.random() < STOCK_SHARE)) for house in houses]


def write_register(
    path: Path,
    rng: Rng,
    houses: Sequence[House],
    frame: StreetFrame,
    *,
    permitted: Sequence[int],
    encoding: str,
) -> None:
    """Write one row a house and some that are wrong: doubled, unknown, no number, no id."""
    rows = [
        _make_row(house, storeys, frame) for house, storeys in zip(houses, permitted, strict=True)
    ]
    rows[0]["建筑编号"] = ""
    rows[1]["许可层数"] = NUMERALS[permitted[1]]
    rows[2]["许可层数"] = str(rng.choice(["-1", "99", "不详"]))
    unknown = {**rows[3], "建筑编号": "B999", "经度": "", "纬度": ""}
    rows += [dict(rows[4]), unknown]
    with path.open("w", encoding=encoding, newline="") as opened:
        writer = csv.DictWriter(opened, HEADINGS)
        writer.writeheader()
        writer.writerows(rows)


def _make_row(house: House, storeys: int, frame: StreetFrame) -> dict[str, str]:
    lon, lat = frame.lonlat_from_street(house.plot.middle)
    number = int(house.plot.building_id[1:])
    area = house.plot.size_m[0] * house.plot.size_m[1] * storeys
    return {
        "建筑编号": house.plot.building_id,
        "户主姓名": f"户主{number:02d}",
        "门牌地址": f"示例村{number}号",
        "经度": f"{lon:.7f}",
        "纬度": f"{lat:.7f}",
        "许可层数": str(storeys),
        "许可面积": f"{area:.1f}",
        "用地批准书号": f"示用地{2000 + number}",
        "建设工程规划许可证号": f"示规建{3000 + number}" if number % 3 else "",
        "施工许可证号": f"示施{4000 + number}" if number % 4 else "",
        "用途": "农村自建房",
    }
