//! Pictures as SVG below their titles, with their numbers as a table.

use maud::{Markup, html};

use super::svg::{self, Path, UNITS, number, percent, stretched, vertical};
use super::{Writer, grid, tone};
use crate::report::figures::{
    Bar, Bars, Curve, Curves, Distribution, Distributions, Figure, Interval, Intervals, Level, Mark, Picture,
    Point,
};
use crate::report::scale::Scale;

/// Heights in pixels.
const LANE: f64 = 64.0;
const PLOT: f64 = 220.0;
const BAR: f64 = 22.0;
const INTERVAL: f64 = 22.0;
/// A column with a single read among many can still be seen.
const LOWEST_COLUMN: f64 = 1.5;
/// Room above the columns for the triangle of the mean.
const HEADROOM: f64 = 8.0;

impl Writer {
    pub(super) fn figure(&mut self, figure: &Figure) -> Markup {
        let id = self.id("figure");
        let drawing = match &figure.picture {
            Picture::Distributions(drawn) => self.distributions(drawn),
            Picture::Curves(curves) => plot(curves),
            Picture::Bars(drawn) => bars(drawn),
            Picture::Intervals(drawn) => intervals(drawn),
        };
        html! {
            figure aria-labelledby=(id) {
                h4 id=(id) { (figure.title) }
                (drawing)
                figcaption { (figure.caption) }
                details { summary { "Numbers: " (figure.title) } (grid(&figure.numbers)) }
            }
        }
    }

    pub(super) fn distributions(&mut self, drawn: &Distributions) -> Markup {
        html! {
            div.plot {
                @for lane in &drawn.lanes { (distribution(lane, &drawn.scale)) }
                (svg::axis(&drawn.scale))
            }
        }
    }
}

fn distribution(lane: &Distribution, scale: &Scale) -> Markup {
    let reads: u64 = lane.columns.iter().map(|column| column.count).fold(0, u64::saturating_add);
    let spoken: Vec<String> = lane.marks.iter().map(|mark| format!("{} {}", mark.label, mark.text)).collect();
    html! {
        p.row-label {
            b.(tone(lane.lane.tone)) { (lane.lane.label) }
            @for (mark, index) in lane.marks.iter().zip(0..) { " " (mark_key(mark, index)) }
        }
        @match &lane.lane.bins {
            Ok(_) => {
                svg.lane.(tone(lane.lane.tone)) width="100%" height=(number(LANE)) role="img" data-reads=(reads)
                    aria-label={ "Distribution of " (lane.lane.label) ": " (spoken.join(", ")) } {
                    (stretched(LANE, &html! { (svg::grid(scale, LANE)) (columns(lane, scale).draw("columns")) }))
                    line.base x1="0" x2="100%" y1=(number(LANE - 0.5)) y2=(number(LANE - 0.5)) {}
                    @for (mark, index) in lane.marks.iter().zip(0..) {
                        (vertical(scale.share(mark.at), HEADROOM, LANE, &format!("mark mark-{index}")))
                        @if index == 0 { (triangle(scale.share(mark.at))) }
                    }
                }
            }
            Err(reason) => p.missing { (reason) }
        }
    }
}

/// Columns of heights in proportion to their reads.
fn columns(lane: &Distribution, scale: &Scale) -> Path {
    let most = lane.columns.iter().map(|column| column.count).max().unwrap_or(0).max(1) as f64;
    let mut path = Path::default();
    for column in &lane.columns {
        let (from, to) = (scale.share(column.from) * UNITS, scale.share(column.to) * UNITS);
        let height = (column.count as f64 / most * (LANE - HEADROOM)).max(LOWEST_COLUMN);
        path.rectangle(from, LANE - height, (to - from).max(1.0), height);
    }
    path
}

/// A triangle that is not stretched, above a share of the width.
fn triangle(share: f64) -> Markup {
    html! { svg.over x=(percent(share)) y="0" width="1" height="8" { path.mean d="M-5 0h10L0 8z" {} } }
}

/// The name and number of a mark, with the line that it is drawn as.
fn mark_key(mark: &Mark, index: usize) -> Markup {
    html! {
        span.key {
            svg width="12" height="12" aria-hidden="true" {
                @if index == 0 { path.mean d="M1 1h10L6 9z" {} }
                line.{ "mark mark-" (index) } x1="6" x2="6" y1="0" y2="12" {}
            }
            (mark.label) " " (mark.text)
        }
    }
}

fn plot(drawn: &Curves) -> Markup {
    let y = |value: f64| (1.0 - drawn.y.share(value)) * PLOT;
    let spoken: Vec<&str> = drawn.curves.iter().map(|curve| curve.label.as_str()).collect();
    html! {
        (legend(drawn))
        p.y-title { (drawn.y.title) }
        div.plot.with-y {
            svg.y-axis width="100%" height=(number(PLOT)) aria-hidden="true" {
                @for tick in &drawn.y.ticks { text x="100%" y=(number(y(tick.at))) { (tick.label) } " " }
            }
            svg.curves width="100%" height=(number(PLOT)) role="img"
                aria-label={ "Curves of " (spoken.join(", ")) "; the numbers are in the table below" } {
                @for tick in &drawn.y.ticks {
                    line.grid x1="0" x2="100%" y1=(number(y(tick.at))) y2=(number(y(tick.at))) {}
                }
                (stretched(PLOT, &svg::grid(&drawn.x, PLOT)))
                @for (band, index) in drawn.bands.iter().zip(0..) {
                    @let ends = band.interval.map(|end| drawn.x.share(end));
                    rect.band x=(percent(ends[0])) width=(percent(ends[1] - ends[0])) y="0" height=(number(PLOT)) {}
                    (vertical(drawn.x.share(band.at), 0.0, PLOT, &format!("equal dash-{}", index % DASHES)))
                }
                (stretched(PLOT, &html! {
                    @for level in &drawn.levels { (level_line(level, &y)) }
                    @for (curve, index) in drawn.curves.iter().zip(0..) { (curve_line(curve, index, &drawn.x, &y)) }
                }))
            }
            div {}
            div { (svg::axis(&drawn.x)) }
        }
    }
}

/// Styles of lines.
const DASHES: usize = 6;

fn level_line(level: &Level, y: &dyn Fn(f64) -> f64) -> Markup {
    let (mut line, mut area) = (Path::default(), Path::default());
    line.line([(0.0, y(level.y)), (UNITS, y(level.y))], false);
    if let Some([low, high]) = level.interval {
        area.rectangle(0.0, y(high), UNITS, (y(low) - y(high)).max(0.0));
    }
    html! { g.(tone(level.tone)) { (area.draw("area")) (line.draw("curve level")) } }
}

fn curve_line(curve: &Curve, index: usize, x: &Scale, y: &dyn Fn(f64) -> f64) -> Markup {
    let place = |point: &Point| x.share(point.x) * UNITS;
    let end = |point: &Point, end: usize| point.interval.map_or(point.y, |ends| ends[end.min(1)]);
    let (mut line, mut area, mut dots) = (Path::default(), Path::default(), Path::default());
    line.line(curve.points.iter().map(|point| (place(point), y(point.y))), false);
    if curve.points.len() > 1 && curve.points.iter().any(|point| point.interval.is_some()) {
        let above = curve.points.iter().map(|point| (place(point), y(end(point, 1))));
        let below = curve.points.iter().rev().map(|point| (place(point), y(end(point, 0))));
        area.line(above.chain(below), true);
    }
    curve.points.iter().for_each(|point| dots.dot(place(point), y(point.y)));
    html! {
        g.(tone(curve.tone)) {
            (area.draw("area"))
            (line.draw(&format!("curve dash-{}", index % DASHES)))
            (dots.draw("dots"))
        }
    }
}

/// The names of everything that is drawn, each with a sample of its line.
fn legend(drawn: &Curves) -> Markup {
    html! {
        ul.legend {
            @for (curve, index) in drawn.curves.iter().zip(0..) {
                li.(tone(curve.tone)) { (sample(&format!("curve dash-{}", index % DASHES), true)) (curve.label) }
            }
            @for level in &drawn.levels {
                li.(tone(level.tone)) { (sample("curve level", false)) (level.label) }
            }
            @for (band, index) in drawn.bands.iter().zip(0..) {
                li { (sample(&format!("equal dash-{}", index % DASHES), false)) (band.label) }
            }
        }
    }
}

fn sample(class: &str, has_dots: bool) -> Markup {
    html! {
        svg width="28" height="10" aria-hidden="true" {
            path.(class) d="M1 5h26" {}
            @if has_dots { path.dots d="M14 5h0" {} }
        }
    }
}

fn bars(drawn: &Bars) -> Markup {
    html! {
        @if drawn.parts.len() > 1 {
            ul.legend {
                @for (part, index) in drawn.parts.iter().zip(0..) {
                    li {
                        svg width="20" height="12" aria-hidden="true" {
                            rect.{ "part " (svg::fill(index)) } x="0.5" y="0.5" width="19" height="11" {}
                        }
                        (part)
                    }
                }
            }
        }
        div.plot {
            @for bar in &drawn.bars { (bar_row(bar, drawn)) }
            (svg::axis(&drawn.scale))
        }
    }
}

fn bar_row(bar: &Bar, drawn: &Bars) -> Markup {
    let mut sum = 0.0;
    let mut parts = Vec::new();
    for (index, value) in bar.values.iter().enumerate() {
        let from = drawn.scale.share(sum);
        sum += value.max(0.0);
        parts.push((index, from, drawn.scale.share(sum) - from));
    }
    let is_single = drawn.parts.len() < 2;
    let class =
        |index: usize| if is_single { "part one".to_owned() } else { format!("part {}", svg::fill(index)) };
    html! {
        p.row-label { b.(tone(bar.tone)) { (bar.label) } " " span { (bar.text) } }
        svg.lane.(tone(bar.tone)) width="100%" height=(number(BAR)) role="img"
            aria-label={ (bar.label) ": " (bar.text) } {
            (stretched(BAR, &svg::grid(&drawn.scale, BAR)))
            @for (index, from, width) in &parts {
                @if *width > 0.0 {
                    rect.(class(*index)) x=(percent(*from)) width=(percent(*width)) y="2" height=(number(BAR - 4.0)) {}
                }
            }
        }
    }
}

fn intervals(drawn: &Intervals) -> Markup {
    html! {
        @if !drawn.lines.is_empty() {
            ul.legend {
                @for (line, index) in drawn.lines.iter().zip(0..) {
                    li {
                        svg width="12" height="12" aria-hidden="true" { (vertical(0.5, 0.0, 12.0, &line_class(index))) }
                        (line.label)
                    }
                }
            }
        }
        div.plot {
            @for row in &drawn.rows { (interval_row(row, drawn)) }
            (svg::axis(&drawn.scale))
        }
    }
}

fn line_class(index: usize) -> String {
    format!("line line-{index}")
}

fn interval_row(row: &Interval, drawn: &Intervals) -> Markup {
    let middle = number(INTERVAL / 2.0);
    let [low, high] = row.ends.map(|end| drawn.scale.share(end));
    let at = percent(drawn.scale.share(row.value));
    html! {
        p.row-label { b { (row.label) } " " span.(tone(row.tone)) { (row.text) } }
        svg.lane.(tone(row.tone)) width="100%" height=(number(INTERVAL)) role="img"
            aria-label={ (row.label) ": " (row.text) } {
            (stretched(INTERVAL, &svg::grid(&drawn.scale, INTERVAL)))
            @for (line, index) in drawn.lines.iter().zip(0..) {
                (vertical(drawn.scale.share(line.at), 0.0, INTERVAL, &line_class(index)))
            }
            line.interval x1=(percent(low)) x2=(percent(high)) y1=(middle) y2=(middle) {}
            (vertical(low, INTERVAL / 2.0 - 5.0, INTERVAL / 2.0 + 5.0, "interval"))
            (vertical(high, INTERVAL / 2.0 - 5.0, INTERVAL / 2.0 + 5.0, "interval"))
            circle.value cx=(at) cy=(middle) r="4.5" {}
        }
    }
}
