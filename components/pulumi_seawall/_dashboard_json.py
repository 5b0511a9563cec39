"""Dashboards as Grafana reads them: its classic model, schema version 42, by Grafana's own foundation SDK.

Grafana 12 and 13 read that from a file, from the sidecar's ConfigMap and by import; 13 turns it into its version 2 when it
loads it. Version 2, which the SDK would have everybody use, is a preview in Grafana 12 and unknown before. Only the SDK's models
are imported, and only when a dashboard is made: its builders add nothing here and take three times as long.
"""

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common

from pulumi_seawall._dashboard_model import (
    Column,
    Dashboard,
    Event,
    Limit,
    Panel,
    PanelKind,
    Place,
    places,
)
from pulumi_seawall._dashboard_scope import DATA_SOURCE, INSTANCE, REGION, DashboardScope
from pulumi_seawall._promql import duration, matchers, quoted, series
from pulumi_seawall._rule_groups import ALL_REGIONS
from pulumi_seawall._service_alerts import UP
from pulumi_seawall._slo_rules import REMAINING

with warnings.catch_warnings():
    # The class itself warns when it is made, that version 2 is to be preferred: see above.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    from grafana_foundation_sdk.models import dashboard as grafana
    from grafana_foundation_sdk.models import prometheus, stat, statetimeline, table, timeseries

SOURCE: Final = {"type": "prometheus", "uid": f"${{{DATA_SOURCE}}}"}
CARRIED: Final = "&".join(f"${{{name}:queryparam}}" for name in (DATA_SOURCE, REGION, INSTANCE))
"""What a link to another dashboard takes along."""
IN_MENU: Final = grafana.DashboardLinkPlacement.IN_CONTROLS_MENU.value
LINE_WIDTH: Final = 2  # pixels
FILL_STACKED: Final = 30  # percent
FILL_LINES: Final = 6
STATE_FILL: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is the same on each dashboard of a service.

    Args:
        scope: What is asked about.
        uids: Of each dashboard, by its key.
        titles: The same for titles.
        refresh_seconds: Between two looks.
        span_seconds: How much of the past is shown at first.
    """

    scope: DashboardScope
    uids: Mapping[str, str]
    titles: Mapping[str, str]
    refresh_seconds: int
    span_seconds: int


def grafana_json(dashboard: Dashboard, page: Page) -> str:
    """One dashboard as JSON, keys in order, so that what changes in it is what changes in a comparison."""
    scope = page.scope
    tags = ["seawall", scope.service, scope.environment]
    made = grafana.Dashboard(
        uid=page.uids[dashboard.key],
        title=page.titles[dashboard.key],
        description=dashboard.description,
        tags=tags,
        graph_tooltip=grafana.DashboardCursorSync.CROSSHAIR,
        time=grafana.DashboardDashboardTime(from_val=f"now-{duration(page.span_seconds)}", to="now"),
        refresh=duration(page.refresh_seconds),
        panels=list(_panels(dashboard, page)),
        templating=grafana.DashboardDashboardTemplating(list_val=_variables(scope)),
        annotations=grafana.AnnotationContainer(list_val=[_annotation(event, scope) for event in scope.events]),
        links=[
            grafana.DashboardLink(
                type_val=grafana.DashboardLinkType.DASHBOARDS, tags=tags, include_vars=True, keep_time=True
            )
        ],
    )
    plain = _without_placement(json.loads(json.dumps(made, cls=JSONEncoder)))
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_placement(value: Any) -> Any:
    """The SDK puts every link and annotation into a menu, where at night nobody looks, and offers no other place."""
    if isinstance(value, list):
        return [_without_placement(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: _without_placement(each) for key, each in entries.items() if each != IN_MENU or key != "placement"}
    return value


def _panels(dashboard: Dashboard, page: Page) -> Iterator[grafana.Panel | grafana.RowPanel]:
    number = 0
    for row, title, panels in places(dashboard):
        number += 1
        yield grafana.RowPanel(title=row.title, grid_pos=_position(title), id_val=number, collapsed=False)
        for panel, place in panels:
            number += 1
            yield _panel(panel, place, number, page)


def _panel(panel: Panel, place: Place, number: int, page: Page) -> grafana.Panel:
    links = [_link(f"Runbook: {alert}", page.scope.runbook(alert), blank=True) for alert in panel.alerts]
    if panel.opens:
        url = f"/d/{page.uids[panel.opens]}?{CARRIED}&${{__url_time_range}}"
        links.insert(0, _link(f"Open: {page.titles[panel.opens]}", url, blank=False))
    return grafana.Panel(
        type_val=panel.kind.value,
        id_val=number,
        title=panel.title,
        description=panel.description,
        datasource=_source(),
        grid_pos=_position(place),
        links=links,
        targets=[_target(panel, letter, page.scope) for letter in range(len(panel.queries))],
        transformations=_transformations(panel),
        options=_options(panel),
        field_config=grafana.FieldConfigSource(defaults=_fields(panel), overrides=list(_overrides(panel))),
    )


def _target(panel: Panel, place: int, scope: DashboardScope) -> prometheus.Dataquery:
    """A stat and a table ask for now: the last value of a range may be an hour old."""
    query, now = panel.queries[place], panel.kind in (PanelKind.STAT, PanelKind.TABLE)
    tabular = panel.kind is PanelKind.TABLE
    return prometheus.Dataquery(
        ref_id=chr(ord("A") + place),
        datasource=_source(),
        expr=query.expr,
        legend_format=None if tabular else query.legend,
        format_val=prometheus.PromQueryFormat.TABLE if tabular else prometheus.PromQueryFormat.TIME_SERIES,
        instant=now,
        range_val=not now,
        # Grafana's rate interval is four times this; without it, four times what its data source believes.
        interval=duration(scope.scrape_seconds),
        editor_mode=prometheus.QueryEditorMode.CODE,
    )


def _transformations(panel: Panel) -> list[grafana.DataTransformerConfig] | None:
    if panel.kind is not PanelKind.TABLE:
        return None
    order = {name: place for place, name in enumerate(panel.columns)}
    names = {name: column.title for name, column in panel.columns.items()}
    shown = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    merge = [grafana.DataTransformerConfig(id_val="merge", options={})] if len(panel.queries) > 1 else []
    return [*merge, grafana.DataTransformerConfig(id_val="organize", options=shown)]


def _options(panel: Panel) -> object:
    legend = common.VizLegendOptions(
        display_mode=common.LegendDisplayMode.LIST,
        placement=common.LegendPlacement.BOTTOM,
        show_legend=True,
        calcs=["lastNotNull", "max"] if panel.kind is PanelKind.SERIES else [],
    )
    tooltip = common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING)
    match panel.kind:
        case PanelKind.STAT:
            return stat.Options(
                graph_mode=common.BigValueGraphMode.NONE,
                color_mode=common.BigValueColorMode.BACKGROUND if panel.states else common.BigValueColorMode.VALUE,
                justify_mode=common.BigValueJustifyMode.CENTER,
                text_mode=common.BigValueTextMode.VALUE_AND_NAME
                if len(panel.queries) > 1 or any("{{" in query.legend for query in panel.queries)
                else common.BigValueTextMode.VALUE,
                reduce_options=common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields=""),
                orientation=common.VizOrientation.AUTO,
            )
        case PanelKind.SERIES:
            return timeseries.Options(legend=legend, tooltip=tooltip)
        case PanelKind.STATES:
            return statetimeline.Options(
                legend=legend, tooltip=tooltip, show_value=common.VisibilityMode.AUTO, merge_values=True
            )
        case PanelKind.TABLE:
            first = next(iter(panel.columns.values())).title
            return table.Options(sort_by=[common.TableSortByFieldState(display_name=first, desc=False)])


def _fields(panel: Panel) -> grafana.FieldConfig:
    stacking = common.StackingConfig(
        mode=common.StackingMode.NORMAL if panel.stacked else common.StackingMode.NONE, group="A"
    )
    lines = common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.LINE,
        line_width=LINE_WIDTH,
        fill_opacity=FILL_STACKED if panel.stacked else FILL_LINES,
        show_points=common.VisibilityMode.AUTO,
        span_nulls=False,
        stacking=stacking,
        thresholds_style=common.GraphThresholdsStyleConfig(
            mode=common.GraphThresholdsStyleMode.DASHED if panel.limits else common.GraphThresholdsStyleMode.OFF
        ),
    )
    custom = {
        PanelKind.SERIES: lines,
        PanelKind.STATES: statetimeline.FieldConfig(fill_opacity=STATE_FILL, line_width=0),
    }.get(panel.kind)
    palette = panel.kind is PanelKind.SERIES
    mode = grafana.FieldColorModeId.PALETTE_CLASSIC if palette else grafana.FieldColorModeId.THRESHOLDS
    return grafana.FieldConfig(
        unit=panel.unit.value,
        decimals=panel.decimals,
        min_val=panel.lowest,
        max_val=panel.highest,
        mappings=[_mapping(panel)] if panel.states else [],
        thresholds=_thresholds(panel.base.value, panel.limits),
        color=grafana.FieldColor(mode=mode),
        no_value=panel.no_data,
        custom=custom,
    )


def _mapping(panel: Panel) -> grafana.ValueMap:
    return grafana.ValueMap(
        options={
            str(state.value): grafana.ValueMappingResult(text=state.text, color=state.color.value, index=place)
            for place, state in enumerate(panel.states)
        }
    )


def _thresholds(base: str, limits: tuple[Limit, ...]) -> grafana.ThresholdsConfig:
    steps = [grafana.Threshold(value=None, color=base)]
    steps.extend(grafana.Threshold(value=limit.value, color=limit.color.value) for limit in limits)
    return grafana.ThresholdsConfig(mode=grafana.ThresholdsMode.ABSOLUTE, steps=steps)


def _overrides(panel: Panel) -> Iterator[grafana.DashboardFieldConfigSourceOverrides]:
    for column in panel.columns.values():
        properties = [grafana.DynamicConfigValue(id_val=name, value=value) for name, value in _properties(column)]
        if properties:
            yield grafana.DashboardFieldConfigSourceOverrides(
                matcher=grafana.MatcherConfig(id_val="byName", options=column.title), properties=properties
            )


def _properties(column: Column) -> Iterator[tuple[str, object]]:
    if column.unit is not None:
        yield "unit", column.unit.value
    if column.limits:
        yield "thresholds", _thresholds("green", column.limits)
        yield "custom.cellOptions", {"type": "color-text"}
    if column.url is not None:
        url = column.url.replace("{value}", "${__value.text}")
        yield "links", [{"title": "Runbook", "url": url, "targetBlank": True}]


def _variables(scope: DashboardScope) -> list[grafana.VariableModel]:
    """With a region's label the scraped series say which there are; without one the recorded ones."""
    scraped = series(UP, *matchers(scope.selector), *scope.in_regions)
    of_region = (
        f"label_values({series(UP, *matchers(scope.selector))}, {scope.region_label})"
        if scope.region_label
        else f"label_values({series(REMAINING, f'service={quoted(scope.service)}')}, {REGION})"
    )
    return [
        grafana.VariableModel(
            type_val=grafana.VariableType.DATASOURCE,
            name=DATA_SOURCE,
            label="Prometheus",
            query="prometheus",
            refresh=grafana.VariableRefresh.ON_DASHBOARD_LOAD,
            auto=None,
            auto_min=None,
            auto_count=None,
        ),
        _asked(REGION, "Region", of_region, regex=f"/^(?!{ALL_REGIONS}$).*/"),
        _asked(INSTANCE, "Instance", f"label_values({scraped}, {INSTANCE})", all_value=".*"),
    ]


def _asked(
    name: str, label: str, query: str, *, regex: str | None = None, all_value: str | None = None
) -> grafana.VariableModel:
    return grafana.VariableModel(
        type_val=grafana.VariableType.QUERY,
        name=name,
        label=label,
        datasource=_source(),
        query={"query": query, "refId": name, "qryType": 1},  # 1: by label_values
        definition=query,
        regex=regex,
        multi=True,
        include_all=True,
        all_value=all_value,
        current=grafana.VariableOption(selected=True, text=["All"], value=["$__all"]),
        refresh=grafana.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=grafana.VariableSort.ALPHABETICAL_ASC,
        auto=None,  # with the next two: of variables that are intervals
        auto_min=None,
        auto_count=None,
    )


def _annotation(event: Event, scope: DashboardScope) -> grafana.AnnotationQuery:
    return grafana.AnnotationQuery(
        name=event.name,
        datasource=_source(),
        enable=True,
        icon_color=event.color.value,
        target=prometheus.Dataquery(expr=event.expr, ref_id="Anno", interval=duration(scope.scrape_seconds)),
        title_format=event.title,
        text_format=event.text,
        tag_keys="",
    )


def _link(title: str, url: str, *, blank: bool) -> grafana.DashboardLink:
    return grafana.DashboardLink(title=title, url=url, target_blank=blank)


def _source() -> common.DataSourceRef:
    return common.DataSourceRef(type_val=SOURCE["type"], uid=SOURCE["uid"])


def _position(place: Place) -> grafana.GridPos:
    return grafana.GridPos(x=place.x, y=place.y, w=place.width, h=place.height)
