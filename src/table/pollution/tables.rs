//! Clean tables to be polluted: of depots, hospitals, shops and machines, in two alphabets.
//!
//! The reader's scales were set by looking at the first half of [`ALL`] only; the second half checks that they hold
//! elsewhere.

/// A clean table: its header and its rows.
pub(super) struct Clean {
    pub(super) name: &'static str,
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Splitmix64: small, and good enough to make rows differ.
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % below as u64).unwrap()
    }

    pub(super) fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.next(texts.len())]
    }

    fn day(&mut self) -> String {
        format!("{:02}.{:02}.2026", 1 + self.next(28), 1 + self.next(12))
    }

    fn money(&mut self, point: char) -> String {
        format!("{}{point}{:02}", 1 + self.next(400), self.next(100))
    }
}

type Make = fn(&mut Draws) -> Clean;

/// Every table.
pub(super) const ALL: [Make; 12] = [
    movements, stays, stock, sales, pairs, wide, // looked at
    invoices, people, machines, prices, visits, orders, // checked with
];

fn table(
    name: &'static str,
    header: &str,
    rows: usize,
    draws: &mut Draws,
    row: impl Fn(&mut Draws, usize) -> Vec<String>,
) -> Clean {
    let header = header.split('|').map(str::to_owned).collect();
    Clean { name, header, rows: (0..rows).map(|at| row(draws, at)).collect() }
}

fn movements(draws: &mut Draws) -> Clean {
    let goods = ["Парацетамол табл. 500 мг", "Аналгин, ампули", "Йод", "Амоксицилин капс.", "Витамин C"];
    table(
        "movements",
        "Дата|Вид|Документ|Стока|Партида|Брой|Склад",
        24,
        draws,
        |draws, _| {
            vec![
                format!("{}.{}.2026", 1 + draws.next(28), 1 + draws.next(12)),
                draws.pick(&["Продажба аптека", "Доставка", "Брак"]).to_owned(),
                format!("{:07}", 1_000_000 + draws.next(9_000)),
                draws.pick(&goods).to_owned(),
                format!("L{:04}", draws.next(10_000)),
                format!("{},00", 1 + draws.next(90)),
                draws.pick(&["1532", "4003", "9009"]).to_owned(),
            ]
        },
    )
}

fn stays(draws: &mut Draws) -> Clean {
    table(
        "stays",
        "Номер|Пациент|Ден|Час|Отделение|Сума",
        30,
        draws,
        |draws, _| {
            vec![
                format!("PT-{:05}", draws.next(100_000)),
                draws.pick(&["Иван Петров", "Мария Стоянова", "Анна Колева", "Петър Илиев"]).to_owned(),
                format!("2026-0{}-{:02}", 1 + draws.next(9), 1 + draws.next(28)),
                format!("{:02}:{:02}", draws.next(24), draws.next(60)),
                draws.pick(&["кардиология", "хирургия", "детско отделение"]).to_owned(),
                format!("{}.{:02}", 10 + draws.next(900), draws.next(100)),
            ]
        },
    )
}

fn stock(draws: &mut Draws) -> Clean {
    let goods = ["алфа", "бета \"плюс\"", "гама; комплект", "делта"];
    table(
        "stock",
        "Код|Име|Наличност|Хладилник|Годност",
        24,
        draws,
        |draws, _| {
            vec![
                format!("{:014}", 3_800_000_000_000 + draws.next(999_999_999)),
                format!("Артикул {}", draws.pick(&goods)),
                format!("{}", draws.next(5_000)),
                draws.pick(&["да", "не"]).to_owned(),
                format!("{:02}/20{}", 1 + draws.next(12), 26 + draws.next(4)),
            ]
        },
    )
}

fn sales(draws: &mut Draws) -> Clean {
    let kinds = ["Gadget", "Garden tool", "Book", "Spare part"];
    let texts = [
        "A small lamp, black",
        "Steel rake, long handle, 2 kg",
        "Novel",
        "Filter for pumps, set of 3",
        "Chair \"Oslo\", oak",
        "Cable 3 m",
    ];
    let notes = ["", "", "", "gift wrap", "call before delivery", "left at the door"];
    table("sales", "DATE|TIME|Qty|ITEM|Price|Kind|Description|Link|Note", 84, draws, |draws, _| {
        let item = 1_000 + draws.next(9_000);
        vec![
            format!("{:02}/{:02}/2022", 1 + draws.next(28), 1 + draws.next(12)),
            format!("{:02}:{:02}", draws.next(24), draws.next(60)),
            (1 + draws.next(20)).to_string(),
            format!("ID-{item}"),
            draws.money('.'),
            draws.pick(&kinds).to_owned(),
            draws.pick(&texts).to_owned(),
            format!("https://shop.example.com/p/{item}"),
            draws.pick(&notes).to_owned(),
        ]
    })
}

fn pairs(draws: &mut Draws) -> Clean {
    table("pairs", "Код|Име|Брой", 10, draws, |draws, at| {
        vec![
            format!("A{:03}", 100 + at),
            draws.pick(&["Бинт", "Марля голяма", "Спринцовка 5 мл", "Маска"]).to_owned(),
            (1 + draws.next(60)).to_string(),
        ]
    })
}

fn wide(draws: &mut Draws) -> Clean {
    let names: Vec<String> = (1..=12).map(|month| format!("Месец {month}")).collect();
    let header = format!("Артикул|Група|{}|Общо лв.|Ед. мярка|Бележка", names.join("|"));
    table("wide", &header, 40, draws, |draws, at| {
        let mut row = vec![
            format!("{}", 20_000 + at * 7),
            draws.pick(&["Лекарства", "Консумативи", "Козметика"]).to_owned(),
        ];
        row.extend((0..12).map(|_| draws.next(300).to_string()));
        row.extend([draws.money(','), draws.pick(&["бр.", "оп.", "кг"]).to_owned()]);
        row.push(draws.pick(&["", "", "", "внос", "по поръчка"]).to_owned());
        row
    })
}

fn invoices(draws: &mut Draws) -> Clean {
    let firms = ["Алфа ООД", "Бета Фарма ЕАД", "\"Гама\" АД", "Делта; Син и Ко", "Аптека Здраве"];
    table(
        "invoices",
        "Фактура №|Дата|Контрагент|ЕИК|Основа|ДДС|Платена",
        90,
        draws,
        |draws, at| {
            vec![
                format!("{:010}", 1_000 + at),
                draws.day(),
                draws.pick(&firms).to_owned(),
                (100_000_000 + draws.next(99_999_999)).to_string(),
                format!("{} {:03},{:02}", 1 + draws.next(9), draws.next(1_000), draws.next(100)),
                draws.money(','),
                draws.pick(&["да", "не", ""]).to_owned(),
            ]
        },
    )
}

fn people(draws: &mut Draws) -> Clean {
    let first = ["Anna", "Boris", "Clara", "Dimitar", "Eva"];
    let last = ["Novak", "Petrov", "Rossi", "Smith", "Van Dyke"];
    table("people", "Id|First name|Last name|Mail|Phone|City|Since", 36, draws, |draws, at| {
        let (first, last) = (draws.pick(&first), draws.pick(&last));
        vec![
            (at + 1).to_string(),
            first.to_owned(),
            last.to_owned(),
            format!("{}.{}{}@example.org", first.to_lowercase(), &last[..1].to_lowercase(), draws.next(90)),
            format!("+359 88 {:03} {:03}", draws.next(1_000), draws.next(1_000)),
            draws.pick(&["Sofia", "Ruse", "Milano", "Washington, DC", ""]).to_owned(),
            format!("{}", 1990 + draws.next(36)),
        ]
    })
}

fn machines(draws: &mut Draws) -> Clean {
    table(
        "machines",
        "timestamp;sensor;temperature;humidity;state".replace(';', "|").as_str(),
        60,
        draws,
        |draws, at| {
            vec![
                format!("2026-03-{:02}T{:02}:{:02}:00", 1 + at % 28, draws.next(24), draws.next(60)),
                format!("room-{}", 1 + draws.next(6)),
                format!("{}{}.{}", draws.pick(&["-", ""]), draws.next(30), draws.next(10)),
                format!("{}%", 20 + draws.next(70)),
                draws.pick(&["ok", "ok", "ok", "alarm", "door open"]).to_owned(),
            ]
        },
    )
}

fn prices(draws: &mut Draws) -> Clean {
    let goods = ["Box, large", "Box, small", "Tape", "Pallet 80x120", "Label \"Fragile\""];
    table("prices", "SKU|Name|Currency|Net|Valid from|Remark", 20, draws, |draws, _| {
        vec![
            format!(
                "{}{:03}-{}",
                draws.pick(&["BX", "TP", "PL"]),
                draws.next(1_000),
                draws.pick(&["A", "B"])
            ),
            draws.pick(&goods).to_owned(),
            draws.pick(&["EUR", "USD", "BGN"]).to_owned(),
            draws.money('.'),
            format!("2026/{:02}/{:02}", 1 + draws.next(12), 1 + draws.next(28)),
            draws.pick(&["", "", "on request", "until stock ends"]).to_owned(),
        ]
    })
}

fn visits(draws: &mut Draws) -> Clean {
    table("visits", "Дата|Лекар|Бележка", 15, draws, |draws, _| {
        vec![
            draws.day(),
            draws.pick(&["д-р Иванова", "д-р Петров", "д-р Коцева"]).to_owned(),
            draws.pick(&["", "", "контролен преглед", "без оплаквания; да дойде пак", "рецепта"]).to_owned(),
        ]
    })
}

fn orders(draws: &mut Draws) -> Clean {
    let names = "Поръчка|Ред|Дата|Час|GTIN|Описание|Брой|Ед. цена|Стойност|Партида|Годен до|Клиент|Адрес";
    let goods = ["Ибупрофен 400 мг x 20", "Сироп за кашлица, 100 мл", "Крем", "Капки за очи (10 мл)"];
    table("orders", names, 50, draws, |draws, at| {
        vec![
            format!("П-{}", 500 + at / 3),
            (1 + at % 3).to_string(),
            format!("{}.{}.2026 г.", 1 + draws.next(28), 1 + draws.next(12)),
            format!("{}:{:02}", 8 + draws.next(10), draws.next(60)),
            format!("0380{:010}", draws.next(999_999_999)),
            draws.pick(&goods).to_owned(),
            (1 + draws.next(200)).to_string(),
            draws.money(','),
            draws.money(','),
            format!("{}{:02}{}", draws.pick(&["A", "B", "LT"]), draws.next(100), draws.pick(&["X", "Y"])),
            format!("{:02}.20{}", 1 + draws.next(12), 27 + draws.next(3)),
            draws.pick(&["Аптека 1", "Аптека 22", "Болница Света Анна"]).to_owned(),
            format!(
                "{}, ул. {} {}",
                draws.pick(&["София", "Русе"]),
                draws.pick(&["Роза", "Искър"]),
                1 + draws.next(90)
            ),
        ]
    })
}
