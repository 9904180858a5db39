//! Pinyin of names. Places and surnames get their special readings (重庆 Chóngqìng, 单 Shàn). A character with two
//! readings gets both if no word decides.

use pinyin::ToPinyin;

/// A text in pinyin, without tones. `v` stands for ü, as on a keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    /// The whole spelling: chongqing.
    pub full: String,
    /// The initials: cq.
    pub initials: String,
}

/// Words, mostly places, that are not read like their single characters.
#[rustfmt::skip]
const WORDS: &[(&str, &str)] = &[
    ("重庆", "chong qing"), ("长子县", "zhang zi xian"), ("六安", "lu an"), ("六合", "lu he"), ("乐清", "yue qing"), ("乐亭", "lao ting"),
    ("音乐", "yin yue"), ("银行", "yin hang"), ("闵行", "min hang"), ("太行", "tai hang"), ("会计", "kuai ji"), ("会稽", "kuai ji"),
    ("番禺", "pan yu"), ("大埔", "da bu"), ("铅山", "yan shan"), ("东阿", "dong e"), ("洪洞", "hong tong"), ("繁峙", "fan shi"),
    ("涡阳", "guo yang"), ("浚县", "xun xian"), ("泌阳", "bi yang"), ("蔚县", "yu xian"), ("尉犁", "yu li"), ("牟平", "mu ping"),
    ("荥经", "ying jing"), ("犍为", "qian wei"), ("蚌埠", "beng bu"), ("蚌山", "beng shan"), ("盱眙", "xu yi"), ("句容", "ju rong"),
    ("莘庄", "xin zhuang"), ("莘塍", "xin cheng"), ("覃塘", "qin tang"), ("井陉", "jing xing"), ("柏林", "bo lin"), ("新乐", "xin le"),
    ("阿胶", "e jiao"), ("厦村", "sha cun"), ("崧厦", "song sha"), ("吴堡", "wu bu"), ("十里堡", "shi li pu"), ("渑池", "mian chi"),
    ("枞阳", "zong yang"), ("歙县", "she xian"), ("筠连", "jun lian"), ("称多", "chen duo"), ("若羌", "ruo qiang"), ("西藏", "xi zang"),
    ("传媒", "chuan mei"), ("勐海", "meng hai"), ("朝阳", "chao yang"), ("天台", "tian tai"), ("宿迁", "su qian"), ("任丘", "ren qiu"),
    ("曾都", "zeng du"), ("中牟", "zhong mu"), ("大城县", "dai cheng xian"), ("解州", "hai zhou"), ("交通", "jiao tong"),
    ("高行", "gao hang"), ("桥头堡", "qiao tou bao"), ("宝坻", "bao di"), ("黄陂", "huang pi"), ("监利", "jian li"), ("华县", "hua xian"),
    ("调兵山", "diao bing shan"), ("尚志", "shang zhi"), ("朝鲜", "chao xian"), ("广播", "guang bo"), ("行唐", "xing tang"),
    ("湫坡", "qiu po"), ("重工", "zhong gong"), ("重型", "zhong xing"), ("台州", "tai zhou"), ("乐山", "le shan"), ("长治", "chang zhi"),
];

/// The usual reading in names of characters for which the dictionary lists another one first.
#[rustfmt::skip]
const CHARACTERS: &[(char, &str)] = &[
    ('长', "chang"), ('都', "du"), ('佛', "fo"), ('厦', "xia"), ('藏', "zang"), ('什', "shi"), ('勒', "le"), ('翟', "zhai"), ('坻', "di"),
    ('柏', "bai"), ('沈', "shen"), ('洞', "dong"), ('曲', "qu"), ('曾', "zeng"), ('盖', "gai"), ('朝', "chao"), ('查', "cha"), ('石', "shi"),
    ('车', "che"), ('校', "xiao"), ('区', "qu"), ('台', "tai"), ('大', "da"), ('陂', "pi"), ('莞', "guan"), ('济', "ji"), ('南', "nan"),
    ('淮', "huai"), ('沙', "sha"), ('洗', "xi"), ('浙', "zhe"), ('江', "jiang"), ('汤', "tang"), ('杨', "yang"), ('泊', "bo"), ('和', "he"),
    ('薄', "bo"), ('绿', "lv"), ('女', "nv"), ('单', "shan"), ('尉', "wei"), ('覃', "tan"), ('仇', "qiu"), ('解', "jie"), ('术', "shu"),
];

/// Characters with a second reading that occurs in names.
#[rustfmt::skip]
const SECOND_READINGS: &[(char, &str)] = &[
    ('重', "chong"), ('单', "dan"), ('解', "xie"), ('乐', "yue"), ('长', "zhang"), ('堡', "bu"), ('厦', "sha"), ('陂', "bei"), ('都', "dou"),
    ('覃', "qin"), ('莘', "xin"), ('行', "hang"), ('六', "lu"), ('埔', "bu"), ('圩', "xu"), ('阿', "e"), ('柏', "bo"),
    ('朝', "zhao"), ('巷', "hang"), ('车', "ju"), ('牟', "mu"), ('尉', "yu"), ('仇', "chou"), ('弄', "long"), ('湫', "qiu"), ('洞', "tong"),
];

/// Every way a text is spelled: with the known words, with the second readings, and character by character for people
/// who do not know the special reading (六合 is Lùhé, but people also type liuhe). Empty if a character has no pinyin
/// or if the text is ASCII.
pub fn spellings(text: &str) -> Vec<Spelling> {
    if text.is_ascii() {
        return Vec::new();
    }
    let mut all: Vec<Spelling> = Vec::with_capacity(1);
    for spelling in [
        spell(text, WORDS, usual),
        spell(text, WORDS, |c| lookup(SECOND_READINGS, c).or_else(|| usual(c))),
        spell(text, &[], usual),
    ] {
        all.extend(spelling.filter(|spelling| !all.contains(spelling)));
    }
    all
}

fn usual(c: char) -> Option<&'static str> {
    lookup(CHARACTERS, c).or_else(|| c.to_pinyin().map(|pinyin| pinyin.plain()))
}

fn spell(text: &str, words: &[(&str, &str)], reading: impl Fn(char) -> Option<&'static str>) -> Option<Spelling> {
    let mut spelling = Spelling {
        full: String::with_capacity(text.len() * 2),
        initials: String::with_capacity(text.len() / 3),
    };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((word, syllables)) = words.iter().find(|(word, _)| rest.starts_with(word)) {
            syllables.split(' ').for_each(|syllable| spelling.push(syllable));
            rest = &rest[word.len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c.is_ascii() {
            spelling.full.push(c);
            spelling.initials.push(c);
        } else {
            spelling.push(reading(c)?);
        }
    }
    Some(spelling)
}

fn lookup(table: &[(char, &'static str)], wanted: char) -> Option<&'static str> {
    table.iter().find(|(c, _)| *c == wanted).map(|&(_, reading)| reading)
}

impl Spelling {
    fn push(&mut self, syllable: &str) {
        self.full
            .extend(syllable.chars().map(|c| if c == 'ü' { 'v' } else { c }));
        self.initials.extend(syllable.chars().next());
    }
}
