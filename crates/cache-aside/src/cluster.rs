//! Redis Cluster without any I/O: the slot of a key, which node keeps which slots, and what a node
//! says that does not keep one.

pub(crate) mod layout;
pub(crate) mod redirect;
pub(crate) mod slot;

pub use self::layout::Layout;
pub use self::redirect::Redirect;
pub use self::slot::{SLOTS, of_name as slot_of};
