//! The parts of an organization's name: the formal frame (共青团…委员会), the places at the beginning, the proper name,
//! and the ending that says what kind of organization it is.

use crate::domain::core::division::Division;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The beginnings of formal names.
const TITLES: [&str; 2] = ["中国共产主义青年团", "共青团"];

/// The endings of formal names and of their everyday forms. Longer ones come first.
#[rustfmt::skip]
const OFFICES: [&str; 16] = [
    "工作委员会", "总支部委员会", "支部委员会", "委员会", "团工委", "团总支部", "团总支", "团支部", "团省委", "团市委", "团区委", "团县委", "团州委",
    "团委", "总支部", "支部",
];

/// Endings that say what kind of organization it is. Longer ones come first. An ending alone finds nothing, since
/// thousands of names share it.
#[rustfmt::skip]
const ENDINGS: [&str; 46] = [
    "幼儿师范高等专科学校", "师范高等专科学校", "医学高等专科学校", "高等专科学校",
    "集团股份有限公司", "集团有限责任公司", "股份有限公司", "有限责任公司", "集团有限公司", "有限公司",
    "职业技术大学", "职业技术学院", "职业大学", "职业学院", "街道办事处", "高级中学", "专科学校", "直属机关", "机关", "管理委员会", "管委会", "街道办",
    "自治区", "自治州", "自治县", "自治旗", "民族乡", "地区", "街道", "中学", "学校", "大学", "学院", "集团", "公司",
    "苏木", "街", "镇", "乡", "市", "区", "县", "旗", "州", "盟", "省",
];

/// The ethnic groups in the names of autonomous places.
#[rustfmt::skip]
const ETHNIC_GROUPS: [&str; 43] = [
    "蒙古族", "蒙古", "回族", "藏族", "维吾尔", "苗族", "彝族", "壮族", "布依族", "朝鲜族", "满族", "侗族", "瑶族", "白族", "土家族",
    "哈尼族", "哈萨克", "傣族", "黎族", "傈僳族", "佤族", "畲族", "拉祜族", "水族", "东乡族", "纳西族", "景颇族", "柯尔克孜", "土族", "达斡尔族",
    "仫佬族", "羌族", "布朗族", "撒拉族", "毛南族", "仡佬族", "锡伯", "普米族", "塔吉克", "怒族", "鄂温克族", "保安族", "各族",
];

/// The full name of every province, city and county, with its short form.
static PLACES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let divisions = Division::all().iter().filter(|division| division.code.len() <= 6);
    divisions
        .map(|division| (division.name, place_stem(division.name)))
        .filter(|(name, stem)| stem.len() < name.len() && stem.chars().nth(1).is_some())
        .collect()
});

/// The short forms of provinces, cities and counties.
static PLACE_STEMS: LazyLock<std::collections::HashSet<&'static str>> =
    LazyLock::new(|| PLACES.values().copied().collect());

/// An upper bound for the full name of a place, in characters.
const LONGEST_PLACE: usize = 16;

/// Gives one spelling to texts that can be written in several ways. It normalizes full-width forms, capitals and ü, and
/// drops brackets and punctuation.
pub fn fold(text: &str) -> String {
    text.chars().filter_map(fold_char).collect()
}

/// Folds one character, as [`fold`] does. `None` for a character that is neither a letter nor a digit.
pub fn fold_char(c: char) -> Option<char> {
    let narrow = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        'ü' | 'Ü' => 'v',
        _ => c,
    };
    narrow.is_alphanumeric().then(|| narrow.to_ascii_lowercase())
}

/// The name without its formal frame: 清华大学 for 共青团清华大学委员会, 湖北省 for 团湖北省委. A name that is nothing
/// but frame stays whole.
pub fn core(text: &str) -> &str {
    let title = TITLES.iter().find_map(|title| text.strip_prefix(title));
    let everyday = || text.strip_prefix('团').filter(|rest| rest.ends_with('委'));
    let framed = title.or_else(everyday);
    let inner = framed.unwrap_or(text);
    let office = OFFICES.iter().find_map(|office| inner.strip_suffix(office));
    let core = match office {
        Some(core) => core,
        // For example 共青团清华大学委 and 团湖北省委.
        None if framed.is_some() => inner.strip_suffix('委').unwrap_or(inner),
        None => inner,
    };
    if core.is_empty() { text } else { core }
}

/// The ending that says what kind of organization it is, if something before it names the organization.
pub fn ending(text: &str) -> Option<&'static str> {
    ENDINGS.into_iter().find(|ending| {
        text.strip_suffix(ending)
            .is_some_and(|stem| stem.chars().nth(1).is_some())
    })
}

/// Whether the text says only what kind of organization is meant: 街道, 职业技术学院.
pub fn is_ending(text: &str) -> bool {
    ENDINGS.contains(&text)
}

/// The text without its ending.
pub fn stem(text: &str) -> &str {
    ending(text)
        .and_then(|ending| text.strip_suffix(ending))
        .unwrap_or(text)
}

/// The short form of a place: 恩施 for 恩施土家族苗族自治州.
fn place_stem(name: &str) -> &str {
    let mut rest = stem(name);
    if rest.len() + "自治州".len() == name.len() {
        while let Some(shorter) = ETHNIC_GROUPS.iter().find_map(|group| rest.strip_suffix(group)) {
            if shorter.chars().nth(1).is_none() {
                break;
            }
            rest = shorter;
        }
    }
    rest
}

/// The short forms of the places a text begins with, and the rest: 武汉, 洪山 and 关山街道 for 武汉市洪山区关山街道.
pub fn places(text: &str) -> (Vec<&'static str>, &str) {
    peel(text, 1, |candidate| PLACES.get(candidate).copied())
}

/// Like [`places`], but also accepts places without 市 or 区. At least two characters must be left.
pub fn loose_places(text: &str) -> (Vec<&'static str>, &str) {
    peel(text, 2, |candidate| {
        PLACES.get(candidate).or_else(|| PLACE_STEMS.get(candidate)).copied()
    })
}

fn peel(text: &str, left: usize, known: impl Fn(&str) -> Option<&'static str>) -> (Vec<&'static str>, &str) {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        let ends = rest.char_indices().map(|(at, _)| at).take(LONGEST_PLACE).skip(2);
        let longest = ends
            .filter(|&end| rest[end..].chars().nth(left - 1).is_some())
            .filter_map(|end| Some((known(&rest[..end])?, end)))
            .last();
        let Some((place, end)) = longest else {
            return (found, rest);
        };
        found.push(place);
        rest = &rest[end..];
    }
}

/// A text as the index stores it: places at the beginning in their short form.
pub fn squeeze(text: &str) -> String {
    let (places, rest) = places(text);
    places.concat() + rest
}

/// The parts of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The whole name, with places in their short form.
    pub whole: String,
    /// The proper name, without the places or the superior's name at its beginning.
    pub own: String,
    /// The short form of a place's proper name.
    pub stem: Option<String>,
}

impl Name {
    /// Splits a full name. The short name shows where the proper name begins: 机械科学与工程学院 for a university's
    /// college.
    pub fn of(name: &str, short_name: &str) -> Self {
        let (name, short_name) = (fold(name), fold(short_name));
        let (name, short_name) = (core(&name), core(&short_name));
        let own = match name.strip_suffix(short_name) {
            Some(superior) if !superior.is_empty() => short_name,
            _ => places(name).1,
        };
        Self {
            whole: squeeze(name),
            own: own.to_owned(),
            stem: PLACES.get(own).map(|&stem| stem.to_owned()),
        }
    }

    /// The texts inside the name that a person may begin with. One begins at each character from the third on, as long
    /// as something is left before the ending, and one at each number.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        const MOST: usize = 12;
        let own = self.own.as_str();
        let stem = stem(own).chars().count();
        let is_digit = |at: usize| own.as_bytes()[at].is_ascii_digit();
        let starts = own.char_indices().enumerate().skip(1).filter(move |&(nth, (at, _))| {
            let number = is_digit(at) && !is_digit(at - 1);
            let word = nth >= 2 && nth + 2 <= stem && !is_digit(at);
            number || word
        });
        starts.map(move |(_, (at, _))| &own[at..]).take(MOST)
    }
}
