//! The head of a manifest: comment, version, `[file]`.

use super::Options;
use super::text::Toml;
use crate::h5::FileInfo;
use crate::model::{FileSpace, HeaderVersion, Orders, TrackOrder, bytes_text};

/// H5F_FILE_SPACE_PAGE_SIZE_DEF.
const USUAL_PAGE_BYTES: u64 = 4096;

/// Everything in front of the objects.
pub fn header(info: &FileInfo, root: HeaderVersion, orders: Orders, options: &Options, userblock: Option<&str>) -> String {
    let shown = |text: &str| bytes_text(text.as_bytes());
    let manifest = options.manifest.as_deref().unwrap_or("MANIFEST");
    let mut out = format!("# Captured from {}.\n", shown(&options.name));
    out += &format!("# To build it again: h5mason build {} -o FILE\n", shown(manifest));
    out += "version = 1\n\n[file]\n";
    out += &Toml::text(options.name.clone()).line("path");
    if let Some(low) = low_bound(info.superblock, root) {
        out += &Toml::List(vec![Toml::text(low), Toml::text("latest")]).line("libver");
    }
    let size = Toml::bare(info.userblock);
    match userblock {
        Some(file) => out += &Toml::Table(vec![("size".into(), size), ("file".into(), Toml::text(file))]).line("userblock"),
        None if info.userblock > 0 => out += &size.line("userblock"),
        None => {}
    }
    if info.space != FileSpace::default() {
        out += &space(info.space).line("space_strategy");
    }
    if info.page_size != USUAL_PAGE_BYTES {
        out += &Toml::bare(info.page_size).line("page_size");
    }
    if orders != Orders::both(TrackOrder::No) {
        out += &orders_toml(orders).line("track_order");
    }
    out
}

fn space(space: FileSpace) -> Toml {
    let strategy = Toml::text(space.strategy.word());
    let default = FileSpace::default();
    let mut fields = vec![("strategy".to_owned(), strategy.clone())];
    if space.persist != default.persist {
        fields.push(("persist".into(), Toml::bare(space.persist)));
    }
    if space.threshold != default.threshold {
        fields.push(("threshold".into(), Toml::bare(space.threshold)));
    }
    if fields.len() == 1 { strategy } else { Toml::Table(fields) }
}

/// The low library bound that gives a superblock and a root group of these versions; the default gives version 2 of both, and how
/// space is managed can need the superblock alone.
fn low_bound(superblock: u32, root: HeaderVersion) -> Option<&'static str> {
    match (superblock, root) {
        (0 | 1, _) | (_, HeaderVersion::V1) => Some("earliest"),
        (2, _) => None,
        (3, _) => Some("v110"),
        _ => Some("v200"),
    }
}

/// The value of `track_order`.
pub fn orders_toml(orders: Orders) -> Toml {
    match orders.links == orders.attrs {
        true => order_word(orders.links),
        false => Toml::Table(vec![("links".into(), order_word(orders.links)), ("attrs".into(), order_word(orders.attrs))]),
    }
}

fn order_word(order: TrackOrder) -> Toml {
    match order {
        TrackOrder::No => Toml::bare(false),
        TrackOrder::Tracked => Toml::text("tracked"),
        TrackOrder::Indexed => Toml::bare(true),
    }
}
