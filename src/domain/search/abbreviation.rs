//! Abbreviations of schools and large employers. Some follow from the name by rule. A table holds those that only usage
//! tells (中国人民大学 is 人大, 对外经济贸易大学 is 贸大).

use super::name::{self, fold, loose_places, squeeze};
use std::collections::HashMap;
use std::sync::LazyLock;

/// `name,abbreviation`: what people say, where no rule gives it or where other organizations would share it.
const SOURCE: &str = include_str!("data/abbreviations.csv");

static USUAL: LazyLock<HashMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut all: HashMap<String, Vec<&'static str>> = HashMap::new();
    for (name, abbreviation) in SOURCE.lines().skip(1).filter_map(|line| line.split_once(',')) {
        all.entry(squeeze(&fold(name))).or_default().push(abbreviation);
    }
    all
});

/// Regions in the names of schools that are not administrative divisions.
#[rustfmt::skip]
const REGIONS: [&str; 14] = [
    "中国", "中央", "首都", "华中", "华东", "华南", "华北", "东北", "西北", "西南", "中南", "东南", "南方", "北方",
];

/// What schools teach, with its form in an abbreviation. Longer words come first.
#[rustfmt::skip]
const SUBJECTS: [(&str, &str); 44] = [
    ("航空航天", "航"), ("交通职业技术", "交职"), ("工业职业技术", "工职"), ("信息职业技术", "信职"), ("铁路职业技术", "铁职"), ("职业技术", "职"),
    ("科学技术", "科"), ("电子科技", "电"), ("工程技术", "工"), ("经济贸易", "经贸"), ("财经政法", "财"), ("中医药", "中医"), ("外国语", "外"),
    ("科技", "科"), ("理工", "理工"), ("工业", "工"), ("工程", "工程"), ("交通", "交"), ("师范", "师"), ("农业", "农"), ("农林", "农林"),
    ("林业", "林"), ("医科", "医"), ("财经", "财"), ("政法", "政法"), ("民族", "民"), ("邮电", "邮"), ("石油", "石"), ("地质", "地"),
    ("矿业", "矿"), ("海洋", "海"), ("海事", "海事"), ("电力", "电"), ("建筑", "建"), ("体育", "体"), ("传媒", "传"), ("工商", "工商"),
    ("化工", "化"), ("医药", "医药"), ("医学", "医"), ("美术", "美"), ("音乐", "音"), ("戏剧", "戏"), ("职业", "职"),
];

/// The usual abbreviations of an organization, by its squeezed name.
pub fn usual(name: &str) -> &'static [&'static str] {
    USUAL.get(name).map_or(&[], Vec::as_slice)
}

/// The abbreviations that the rules make of a school's name.
pub fn by_rule(name: &str) -> Vec<String> {
    let Some(ending) = name::ending(name) else {
        return Vec::new();
    };
    match ending {
        "大学" | "职业大学" | "职业技术大学" => of_college(name, "大学", "大"),
        "学院" | "职业学院" | "职业技术学院" => {
            [of_college(name, "学院", "院"), within_university(name)].concat()
        }
        "中学" | "高级中学" => of_secondary_school(name),
        _ if ending.ends_with("专科学校") => of_college(name, "高等专科学校", "专"),
        _ => Vec::new(),
    }
}

/// The place (whole, its first character, or left out), followed by the short form of the subject and the kind: 武理工,
/// 华中科大, 师大, 武汉职院.
fn of_college(name: &str, ending: &str, kind: &str) -> Vec<String> {
    let (place, subject) = split_place(name.strip_suffix(ending).unwrap_or(name));
    let Some(initial) = place.chars().next() else {
        return Vec::new();
    };
    if subject.is_empty() {
        return vec![format!("{initial}{kind}")];
    }
    let short = shorten(subject);
    let mut all = vec![
        format!("{initial}{short}{kind}"),
        format!("{place}{short}{kind}"),
        format!("{short}{kind}"),
        format!("{initial}{short}"),
        format!("{place}{short}"),
    ];
    // 职业技术学院 counts as an 学院 with the subject 职业技术. People say 职业学院 and 职院.
    if let Some(trade) = subject
        .strip_suffix("职业技术")
        .or_else(|| subject.strip_suffix("职业"))
    {
        all.push(format!("{place}{trade}职{kind}"));
        all.push(format!("{place}{trade}职业{ending}"));
    }
    all
}

/// A college whose name contains that of its university is also called without the word 大学: 江西理工应用科学学院.
fn within_university(name: &str) -> Vec<String> {
    let (university, college) = name.split_once("大学").unwrap_or_default();
    if university.is_empty() {
        Vec::new()
    } else {
        vec![format!("{university}{college}")]
    }
}

/// 一中 for 第一中学, 高中 for 高级中学, with the place and without it.
fn of_secondary_school(name: &str) -> Vec<String> {
    let short = name.replace("高级中学", "高中");
    let short = match short.split_once('第') {
        Some((place, number)) => format!("{place}{}", number.replace("中学", "中").replace("高中", "中")),
        None => short,
    };
    let own = loose_places(&short).1.to_owned();
    let mut all = vec![short, own];
    all.retain(|short| short != name);
    all
}

/// Splits a school's name into the place it begins with and the rest. If it begins with no known place, the first two
/// characters count as one: 清华, 复旦.
fn split_place(body: &str) -> (&str, &str) {
    let region = REGIONS
        .iter()
        .find(|region| body.starts_with(**region))
        .map(|region| region.len());
    let place = loose_places(body).1;
    let at = region.or_else(|| (place.len() < body.len()).then(|| body.len() - place.len()));
    body.split_at(at.unwrap_or_else(|| body.char_indices().nth(2).map_or(body.len(), |(at, _)| at)))
}

/// The short form of a subject: the short form of each known word, and the first character of every other one.
fn shorten(subject: &str) -> String {
    let (mut short, mut rest) = (String::new(), subject);
    while let Some(c) = rest.chars().next() {
        match SUBJECTS.iter().find(|(word, _)| rest.starts_with(word)) {
            Some((word, left)) => {
                short.push_str(left);
                rest = &rest[word.len()..];
            }
            None => {
                short.push(c);
                let word = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
                rest = &rest[word..];
            }
        }
    }
    short
}
