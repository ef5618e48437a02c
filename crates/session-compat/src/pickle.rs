//! Python's pickles of plain data: dicts, lists, texts, numbers, booleans and `None`.

mod error;
mod integer;
mod read;
mod tree;
mod write;

pub use error::PickleError;
pub(crate) use read::read;
pub(crate) use write::write;
