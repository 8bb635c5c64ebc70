//! A tag made of what a type asks serde for: its name, the names of its fields and variants, and
//! what they hold.
//!
//! No value is needed: the type is deserialized from nothing but made-up answers, several times, so
//! that each field comes first and each variant is tried. What it says about answers that it does
//! not like counts too: the fields of flattened and tagged types are known by that alone. A type
//! that hides its shape even so, such as an untagged enum, is known by its name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use twox_hash::XxHash3_64;

/// Bounds for types that hold themselves, or very many others.
const MAX_STEPS: usize = 4096;
const SHALLOW: usize = 8;
const MAX_DEPTH: usize = 24;
const MAX_PASSES: usize = 32;

/// The tag of a type.
pub(in crate::codec) fn tag_of<T: DeserializeOwned>() -> u32 {
    thread_local! {
        static KNOWN: RefCell<Vec<(usize, u32)>> = const { RefCell::new(Vec::new()) };
    }
    // The function is another one for each type that behaves differently here.
    let function = trace::<T> as fn() -> u32 as usize;
    let known =
        KNOWN.try_with(|known| known.borrow().iter().find(|entry| entry.0 == function).map(|entry| entry.1));
    if let Ok(Some(tag)) = known {
        return tag;
    }
    let tag = shared(function, trace::<T>);
    let _ = KNOWN.try_with(|known| known.borrow_mut().push((function, tag)));
    tag
}

/// Traces once a process.
fn shared(function: usize, trace: fn() -> u32) -> u32 {
    static TAGS: RwLock<Option<HashMap<usize, u32>>> = RwLock::new(None);
    let known = TAGS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(tag) = known.as_ref().and_then(|tags| tags.get(&function)) {
        return *tag;
    }
    drop(known);
    let tag = trace();
    let mut tags = TAGS.write().unwrap_or_else(PoisonError::into_inner);
    tags.get_or_insert_default().insert(function, tag);
    tag
}

fn trace<T: DeserializeOwned>() -> u32 {
    super::tag(XxHash3_64::oneshot_with_seed(shape_of::<T>(), std::any::type_name::<T>().as_bytes()))
}

/// Without the name and the path of the type.
pub(in crate::codec) fn shape_of<T: DeserializeOwned>() -> u64 {
    let mut log = Log::default();
    while log.pass < log.passes.clamp(2, MAX_PASSES) {
        log.steps = 0;
        let tracer = Tracer { log: &mut log, depth: 0, answer: "" };
        // It may be any code; what it makes of odd answers is not this read's business.
        let said = catch_unwind(AssertUnwindSafe(|| T::deserialize(tracer).err().map(|error| error.0)));
        log.note("ends", &said.ok().flatten().unwrap_or_default());
        log.pass += 1;
    }
    XxHash3_64::oneshot(log.text.as_bytes())
}

/// The questions of the type so far.
#[derive(Default)]
struct Log {
    text: String,
    steps: usize,
    pass: usize,
    /// One for each of the fields and variants of the type that has most.
    passes: usize,
    /// Fields that were missed.
    names: Vec<&'static str>,
}

impl Log {
    fn note(&mut self, kind: &str, detail: &str) {
        self.text.push('\n');
        self.text.push_str(kind);
        self.text.push(' ');
        self.text.push_str(detail);
    }
}

#[derive(Debug)]
struct Said(String, Option<&'static str>);

impl Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

impl de::Error for Said {
    fn custom<M: Display>(message: M) -> Self {
        Self(message.to_string(), None)
    }

    fn missing_field(field: &'static str) -> Self {
        Self(format!("missing {field}"), Some(field))
    }
}

/// Answers whatever is asked for.
struct Tracer<'a> {
    log: &'a mut Log,
    depth: usize,
    /// The text that a text or a name is.
    answer: &'static str,
}

impl<'a> Tracer<'a> {
    fn asked(&mut self, kind: &str, detail: &str) -> Result<(), Said> {
        self.log.note(kind, detail);
        self.log.steps += 1;
        if self.log.steps > MAX_STEPS || self.depth > MAX_DEPTH {
            return Err(Said("too large".to_owned(), None));
        }
        Ok(())
    }

    fn is_deep(&self) -> bool {
        self.depth > SHALLOW
    }

    /// This many parts, each with the name that it answers to.
    fn parts(self, names: Vec<&'static str>) -> Parts<'a> {
        Parts { log: self.log, depth: self.depth + 1, names: names.into_iter() }
    }

    fn fields(self, fields: &'static [&'static str]) -> Parts<'a> {
        self.log.passes = self.log.passes.max(fields.len());
        let mut names = fields.to_vec();
        names.rotate_left(self.log.pass % fields.len().max(1));
        self.parts(names)
    }

    /// A map with these keys. A field that it lacks is there the next time.
    fn map_of<'de, V: Visitor<'de>>(self, names: Vec<&'static str>, visitor: V) -> Result<V::Value, Said> {
        let mut parts = self.parts(names);
        let outcome = visitor.visit_map(&mut parts);
        if let Err(Said(_, Some(field))) = &outcome
            && !parts.log.names.contains(field)
        {
            parts.log.names.push(field);
            parts.log.passes = parts.log.passes.max(parts.log.pass + 3);
        }
        outcome
    }
}

macro_rules! answers {
    ($($method:ident => $visit:ident($answer:expr);)+) => {
        $(fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Said> {
            self.asked(stringify!($method), "")?;
            visitor.$visit($answer)
        })+
    };
}

macro_rules! texts {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Said> {
            self.asked(stringify!($method), "")?;
            visitor.visit_str(self.answer)
        })+
    };
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Said;

    answers! {
        deserialize_bool => visit_bool(false);
        deserialize_i8 => visit_i8(0);
        deserialize_i16 => visit_i16(0);
        deserialize_i32 => visit_i32(0);
        deserialize_i64 => visit_i64(0);
        deserialize_i128 => visit_i128(0);
        deserialize_u8 => visit_u8(0);
        deserialize_u16 => visit_u16(0);
        deserialize_u32 => visit_u32(0);
        deserialize_u64 => visit_u64(0);
        deserialize_u128 => visit_u128(0);
        deserialize_f32 => visit_f32(0.0);
        deserialize_f64 => visit_f64(0.0);
        deserialize_char => visit_char('a');
        deserialize_bytes => visit_bytes(b"");
        deserialize_byte_buf => visit_bytes(b"");
    }

    texts! { deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Said> {
        self.asked("unit", "")?;
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Said> {
        self.asked("ignored", "")?;
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Said> {
        self.asked("any", "")?;
        let is_map = self.answer.is_empty() && (self.depth == 0 || self.log.pass.is_multiple_of(2));
        if !is_map {
            return visitor.visit_str(self.answer);
        }
        let names = self.log.names.clone();
        self.map_of(names, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Said> {
        self.asked("option", "")?;
        if self.is_deep() {
            return visitor.visit_none();
        }
        visitor.visit_some(Tracer { depth: self.depth + 1, ..self })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Said> {
        self.asked("unit struct", name)?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Said> {
        self.asked("newtype", name)?;
        visitor.visit_newtype_struct(Tracer { depth: self.depth + 1, ..self })
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Said> {
        self.asked("seq", "")?;
        let one = if self.is_deep() { Vec::new() } else { vec![""] };
        visitor.visit_seq(self.parts(one))
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, length: usize, visitor: V) -> Result<V::Value, Said> {
        self.asked("tuple", &length.to_string())?;
        visitor.visit_seq(self.parts(vec![""; length.min(MAX_STEPS)]))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Said> {
        self.asked("tuple struct", name)?;
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Said> {
        self.asked("map", "")?;
        if self.is_deep() {
            return visitor.visit_map(self.parts(Vec::new()));
        }
        let mut names = self.log.names.clone();
        names.push("");
        self.map_of(names, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Said> {
        self.asked("struct", name)?;
        self.asked("fields", &fields.join(","))?;
        visitor.visit_map(self.fields(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Said> {
        self.asked("enum", name)?;
        self.asked("variants", &variants.join(","))?;
        self.log.passes = self.log.passes.max(variants.len());
        let pass = if self.is_deep() { 0 } else { self.log.pass };
        let answer = variants.get(pass % variants.len().max(1)).copied().unwrap_or_default();
        visitor.visit_enum(Tracer { answer, ..self })
    }
}

impl<'de, 'a> EnumAccess<'de> for Tracer<'a> {
    type Error = Said;
    type Variant = Tracer<'a>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), Said> {
        let depth = self.depth + 1;
        let variant = seed.deserialize(Tracer { log: self.log, depth, answer: self.answer })?;
        Ok((variant, Tracer { log: self.log, depth, answer: "" }))
    }
}

impl<'de> VariantAccess<'de> for Tracer<'_> {
    type Error = Said;

    fn unit_variant(mut self) -> Result<(), Said> {
        self.asked("unit variant", "")
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Said> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Said> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Said> {
        self.deserialize_struct("", fields, visitor)
    }
}

/// Elements, or entries by their names.
struct Parts<'a> {
    log: &'a mut Log,
    depth: usize,
    names: std::vec::IntoIter<&'static str>,
}

impl Parts<'_> {
    fn tracer(&mut self, answer: &'static str) -> Tracer<'_> {
        Tracer { log: self.log, depth: self.depth, answer }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Said;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Said> {
        self.names.next().map(|name| seed.deserialize(self.tracer(name))).transpose()
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Said;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Said> {
        self.names.next().map(|name| seed.deserialize(self.tracer(name))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Said> {
        seed.deserialize(self.tracer(""))
    }
}
