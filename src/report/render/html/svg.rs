//! Drawing: coordinates, paths and the few elements that pictures share. Widths are shares of the
//! page, so that texts keep their size whatever the width.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use crate::report::scale::{Scale, Tick};

/// Units of the stretched drawings, from the left to the right end.
pub(super) const UNITS: f64 = 1000.0;
/// Patterns that tell parts apart without colour.
pub(super) const FILLS: usize = 6;

/// A coordinate with a tenth of a unit, as short as it can be.
pub(super) fn number(value: f64) -> String {
    let rounded = (value.clamp(-1e6, 1e6) * 10.0).round() / 10.0;
    if rounded == 0.0 || rounded.is_nan() { "0".to_owned() } else { format!("{rounded}") }
}

/// A share of the width, such as `12.35%`.
pub(super) fn percent(share: f64) -> String {
    // Adding 0 turns -0 into 0.
    let rounded = (share.clamp(0.0, 1.0) * 10_000.0).round() / 100.0 + 0.0;
    format!("{rounded}%")
}

/// Path data.
#[derive(Default)]
pub(super) struct Path(String);

impl Path {
    pub(super) fn rectangle(&mut self, x: f64, y: f64, width: f64, height: f64) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        let _ = write!(self.0, "M{x} {y}h{width}v{height}h-{width}z");
    }

    /// A line through points, or closed to an area.
    pub(super) fn line(&mut self, points: impl IntoIterator<Item = (f64, f64)>, is_closed: bool) {
        for (index, (x, y)) in points.into_iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(self.0, "{command}{} {}", number(x), number(y));
        }
        if is_closed {
            self.0.push('z');
        }
    }

    fn vertical(&mut self, x: f64, height: f64) {
        let _ = write!(self.0, "M{} 0v{}", number(x), number(height));
    }

    /// A dot: a line of no length with round ends.
    pub(super) fn dot(&mut self, x: f64, y: f64) {
        let _ = write!(self.0, "M{} {}h0", number(x), number(y));
    }

    pub(super) fn draw(&self, class: &str) -> Markup {
        html! { @if !self.0.is_empty() { path.(class) d=(self.0) {} } }
    }
}

/// A drawing that is stretched to the width; its height is in pixels.
pub(super) fn stretched(height: f64, drawing: &Markup) -> Markup {
    html! {
        svg width="100%" height=(number(height)) viewBox={ "0 0 " (number(UNITS)) " " (number(height)) }
            preserveAspectRatio="none" {
            (drawing)
        }
    }
}

/// A vertical line at a share of the width.
pub(super) fn vertical(share: f64, from: f64, to: f64, class: &str) -> Markup {
    let x = percent(share);
    html! { line.(class) x1=(x) x2=(x) y1=(number(from)) y2=(number(to)) {} }
}

/// Grid lines of a scale, to be stretched.
pub(super) fn grid(scale: &Scale, height: f64) -> Markup {
    let [mut major, mut minor] = [Path::default(), Path::default()];
    for tick in &scale.ticks {
        let path = if tick.is_major { &mut major } else { &mut minor };
        path.vertical(scale.share(tick.at) * UNITS, height);
    }
    html! { (major.draw("grid")) (minor.draw("grid minor")) }
}

/// The scale below a drawing, with its labels and its title.
pub(super) fn axis(scale: &Scale) -> Markup {
    html! {
        svg.axis width="100%" height="20" aria-hidden="true" {
            line.base x1="0" x2="100%" y1="0.5" y2="0.5" {}
            @for tick in &scale.ticks {
                (vertical(scale.share(tick.at), 0.0, 4.0, tick_class("tick", tick)))
                text.(tick_class("label", tick)) x=(percent(scale.share(tick.at))) y="16" { (tick.label) }
                // For browsers that show text alone.
                " "
            }
        }
        p.axis-title { (scale.title) }
    }
}

fn tick_class(class: &'static str, tick: &Tick) -> &'static str {
    match (class, tick.is_major) {
        ("tick", true) => "tick",
        ("tick", false) => "tick minor",
        (_, true) => "label",
        (_, false) => "label minor",
    }
}

/// The class of a part's pattern.
pub(super) fn fill(index: usize) -> String {
    format!("fill-{}", index % FILLS)
}

/// The patterns, once a page.
pub(super) fn fills() -> Markup {
    const PATTERNS: [&str; FILLS] = [
        "<rect width=\"8\" height=\"8\"/>",
        "<path d=\"M-2 2L2 -2M0 8L8 0M6 10L10 6\"/>",
        "<circle cx=\"2\" cy=\"2\" r=\"1.3\"/><circle cx=\"6\" cy=\"6\" r=\"1.3\"/>",
        "<path d=\"M0 2h8M0 6h8\"/>",
        "<path d=\"M2 0v8M6 0v8\"/>",
        "<path d=\"M0 0L8 8M0 8L8 0\"/>",
    ];
    let patterns: String = PATTERNS
        .iter()
        .enumerate()
        .map(|(index, drawing)| {
            format!("<pattern id=\"pattern-{index}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">{drawing}</pattern>")
        })
        .collect();
    html! { svg.fills width="0" height="0" aria-hidden="true" { defs { (PreEscaped(patterns)) } } }
}
