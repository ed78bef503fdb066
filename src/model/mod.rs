//! The vocabulary: plain values that manifest, planner, observer and executor share. No IO.

mod adapt;
mod amend;
mod attr;
mod bytes;
mod cast;
mod contents;
mod custom_float;
mod decode;
mod desired;
mod difference;
mod dtype;
mod dtype_text;
mod each;
mod elements;
mod encode;
mod encode_value;
mod fill;
mod fill_check;
mod filter;
mod filter_name;
mod glob;
mod layers;
mod linked;
mod listed;
mod literal;
mod mask;
mod moves;
mod needs;
mod numbers;
mod observed;
mod partition;
mod path;
mod rebuild;
mod recast;
mod recast_number;
mod recast_text;
mod region;
mod scope;
mod selected;
mod shape;
mod storage;
mod value;

pub use attr::{AttrRule, AttrSpec, AttrValue, Side};
pub use bytes::{bytes_text, human_bytes, is_hidden, text_bytes};
pub use cast::{Cast, CastLoss, cast};
pub use contents::{DatasetContents, contents, resizes};
pub use decode::{decode_one, element_text};
pub use desired::{
    Contents, Definition, Desired, DesiredAttr, DesiredDataset, DesiredFill, DesiredGroup, DesiredKind, DesiredLink, DesiredObject,
    DesiredType, FileProps, FileSpace, Libver, OnMismatch, Orders, Owned, Patch, Removal, RemovalTarget, SelectionText, Size,
    SpaceStrategy, TrackOrder, Turns,
};
pub use difference::{Change, Comparison, Difference};
pub use dtype::{
    Charset, CompoundMember, Dtype, Encoding, EnumMember, FloatType, IntType, Order, Padding, RefKind, StringLength, StringType,
};
pub use dtype_text::told_apart;
pub use each::{AttrCondition, AttrIs, Condition, DatasetFacts, Each, EachKind, EachStorage, Family, Matcher, Subject, TextGlob};
pub(crate) use elements::trimmed;
pub use elements::{Elements, Tolerance};
pub use encode::{EncodeError, encode_elements, encode_one, flatten, flatten_as, hex_bytes, is_written_nested};
pub use fill::{ALPHABET, BlockSource, Boundary, Field, Fill, Missing, Rule, SourceFile};
pub use filter::{BitshuffleCodec, BloscCodec, BloscShuffle, Codec, Filter, LZ4_MOST_BYTES, Scale, SzipCoding, ZSTD_HIGHEST, ZSTD_LOWEST};
pub use glob::{Glob, Wanted};
pub use layers::{Frame, Layer, LayerKind, layers};
pub use linked::Linked;
pub use listed::{Listed, ListedKind, is_bookkeeping};
pub use literal::Literal;
pub use mask::{AttrMask, Mask};
pub use moves::{EndSeen, LinkPlace, Move, MoveSeen, MoveState, Moved, SourceSeen, at_or_below, leads_to};
pub use needs::{Need, Needs, Portion, SCALE_ATTRS};
pub use numbers::Numbers;
pub use observed::{
    AttrSeen, Base, HeaderVersion, LinkSeen, ObjectId, ObjectSeen, Observed, RegionSeen, SeenDataset, SeenGroup, SeenKind, SeenType,
};
pub use partition::Partition;
pub use path::{H5Path, PathError};
pub use rebuild::{Carry, Loss, Rebuild, RebuildSeen, Referrer, ReferrerPart, common, cut, maxshape, restored, settled};
pub use recast::{Recast, Recasted, Why};
pub use region::{AxisRange, Block, Region, SelectError, SelectItem, Selection};
pub use scope::{Ignored, IgnoredPart, Part as ScopePart, Scope};
pub use selected::{Selected, SlabAxis};
pub use shape::{MaxShape, Shape};
pub use storage::{AllocTime, ExternalFile, FillTime, FillValue, Layout, Mapping, PartialChunks, auto_chunks, too_large_for_compact};
pub use value::{Part, Referent, Rename, Target, Value};
