//! Values that every rule uses: ids, instants and months, texts, ID numbers, division codes, closed vocabularies.

pub mod decision;
pub mod division;
pub mod id_number;
pub mod ids;
pub mod input_error;
pub mod language;
pub mod line;
pub mod name;
pub mod text;
pub mod time;
pub mod vocabulary;
