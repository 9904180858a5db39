//! Administrative divisions of the mainland (GB/T 2260, and the statistics bureau's township codes of 2023): search by
//! code, parents, full names.
//!
//! A code begins with its parent's code. 2 digits are a province, 4 a city, 6 a county, 9 a township or street. GB/T 2260
//! writes all of them with six digits: zeros follow the code of a province or a city (420000, 420100). So does the
//! service, in and out: see [`Division::six_digits`].

use std::sync::LazyLock;

/// `code,level,name,parent_code`, as published. No field is quoted.
const SOURCE: &str = include_str!("data/divisions.csv");

/// All divisions, sorted by code.
static DIVISIONS: LazyLock<Vec<Division>> = LazyLock::new(|| {
    let mut divisions: Vec<Division> = SOURCE.lines().skip(1).filter_map(Division::from_line).collect();
    divisions.sort_unstable_by_key(|division| division.code);
    divisions
});

/// Rows of the statistics that only group counties. Nobody writes them in an address.
const PLACEHOLDERS: [&str; 4] = ["市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"];

/// An administrative division (行政区划).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Division {
    /// Its code.
    pub code: &'static str,
    /// Its own name, such as 长安区.
    pub name: &'static str,
    six_digits: [u8; 6],
}

impl Division {
    fn from_line(line: &'static str) -> Option<Self> {
        let mut fields = line.split(',');
        let (code, _level, name) = (fields.next()?, fields.next()?, fields.next()?);
        let mut six_digits = [b'0'; 6];
        for (place, digit) in six_digits.iter_mut().zip(code.bytes()) {
            *place = digit;
        }
        Some(Self { code, name, six_digits })
    }

    /// Every division, sorted by code.
    pub fn all() -> &'static [Division] {
        &DIVISIONS
    }

    /// The division with a code. Provinces and cities are found with and without the zeros after their code.
    pub fn find(code: &str) -> Option<&'static Division> {
        let exact = |code: &str| {
            let at = DIVISIONS.binary_search_by_key(&code, |division| division.code);
            at.ok().map(|at| &DIVISIONS[at])
        };
        let without_zeros = |zeros: &str| (code.len() == 6).then(|| code.strip_suffix(zeros)).flatten();
        exact(code)
            .or_else(|| exact(without_zeros("00")?))
            .or_else(|| exact(without_zeros("0000")?))
    }

    /// The code as GB/T 2260 writes it. A township has the code of its county.
    pub fn six_digits(&'static self) -> &'static str {
        // The digits of the list are ASCII.
        std::str::from_utf8(&self.six_digits).unwrap_or_default()
    }

    /// The province (two digits) that a stored division code of six digits lies in.
    pub fn province_of(code: &str) -> Option<u8> {
        code.get(..2)?.parse().ok()
    }

    /// The division it belongs to. `None` for a province.
    pub fn parent(&self) -> Option<&'static Division> {
        let length = match self.code.len() {
            9 => 6,
            6 => 4,
            4 => 2,
            _ => return None,
        };
        Self::find(&self.code[..length])
    }

    /// The divisions directly below it.
    pub fn children(&self) -> impl Iterator<Item = &'static Division> + use<> {
        let code = self.code;
        let length = match code.len() {
            2 => 4,
            4 => 6,
            _ => 9,
        };
        let start = DIVISIONS.partition_point(|division| division.code <= code);
        DIVISIONS[start..]
            .iter()
            .take_while(move |division| division.code.starts_with(code))
            .filter(move |division| division.code.len() == length)
    }

    /// The two-digit code of its province.
    pub fn province(&self) -> u8 {
        self.code[..2].parse().unwrap_or_default()
    }

    /// Whether it is a county or smaller, which is precise enough for an address.
    pub fn is_county_or_smaller(&self) -> bool {
        self.code.len() >= 6
    }

    /// The name as written on an envelope: 河北省石家庄市长安区.
    ///
    /// Grouping rows such as 市辖区 are left out. A name that repeats its parent's appears only once (东莞市).
    pub fn full_name(&self) -> String {
        let above = self.parent().map(Division::full_name).unwrap_or_default();
        let parent_name = self.parent().map_or("", |parent| parent.name);
        if PLACEHOLDERS.contains(&self.name) {
            return above;
        }
        above + self.name.strip_prefix(parent_name).unwrap_or(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_whole_list_is_there_and_a_forest() {
        let of_length = |length: usize| Division::all().iter().filter(|d| d.code.len() == length).count();
        assert_eq!([2, 4, 6, 9].map(of_length), [31, 342, 2978, 41352]);
        for division in Division::all() {
            assert_eq!(
                division.parent().is_none(),
                division.code.len() == 2,
                "{}",
                division.code
            );
        }
    }

    #[test]
    fn a_code_has_six_digits_in_and_out() {
        for (code, six_digits, name) in [
            ("420000", "420000", "湖北省"),
            ("110000", "110000", "北京市"),
            ("140200", "140200", "山西省大同市"),
            ("130102", "130102", "河北省石家庄市长安区"),
            ("42", "420000", "湖北省"),
            ("420106001", "420106", "湖北省武汉市武昌区积玉桥街道"),
        ] {
            let division = Division::find(code).unwrap();
            assert_eq!(
                (division.six_digits(), division.full_name().as_str()),
                (six_digits, name)
            );
            assert_eq!(Division::province_of(six_digits), Some(division.province()));
        }
        for code in ["000000", "990000", "429900", "4200000", "42000"] {
            assert_eq!(Division::find(code), None, "{code}");
        }
    }

    #[test]
    fn full_names_read_as_on_an_envelope() {
        for (code, name) in [
            ("13", "河北省"),
            ("130102", "河北省石家庄市长安区"),
            ("110101", "北京市东城区"),
            ("441900", "广东省东莞市"),
            ("441900003", "广东省东莞市东城街道"),
            ("419001001", "河南省济源市沁园街道"),
        ] {
            assert_eq!(Division::find(code).unwrap().full_name(), name);
        }
    }

    #[test]
    fn children_are_exactly_those_that_name_it_as_parent() {
        for code in ["13", "1301", "130102", "130102001"] {
            let division = Division::find(code).unwrap();
            let expected: Vec<_> = Division::all()
                .iter()
                .filter(|d| d.parent() == Some(division))
                .collect();
            assert_eq!(division.children().collect::<Vec<_>>(), expected, "{code}");
        }
    }

    proptest! {
        #[test]
        fn unknown_codes_are_not_found(code in "[0-9]{0,3}|[0-9]{10,12}|\\PC{0,5}") {
            let known = Division::all().iter().any(|division| division.code == code);
            prop_assert_eq!(Division::find(&code).is_some(), known, "{}", code);
        }
    }
}
