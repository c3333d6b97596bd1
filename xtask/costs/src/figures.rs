//! The figures of `docs/costs/costs.json`, as `make bench-linux` writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// All that was counted, in guest instructions.
#[derive(Debug, Deserialize)]
pub struct Figures {
    /// Linux's release, such as "6.1.0-18-amd64".
    pub linux_version: String,
    /// The calls by each door.
    pub doors: Vec<Call>,
    /// The operations.
    pub rows: Vec<Row>,
}

/// One call by one door. A count is `None` where the kernel printed none.
#[derive(Debug, Deserialize)]
pub struct Call {
    /// The name in the program's output.
    pub name: String,
    /// What is called, and how.
    pub title: String,
    /// Width of the program in bits.
    pub bits: u32,
    /// Trident's count.
    pub trident: Option<f64>,
    /// Trident's, with registers not cleared at the entry.
    pub trident_uncleared: Option<f64>,
    /// Linux's, in its leanest setting.
    pub linux: Option<f64>,
    /// Linux's, as Debian ships it.
    pub linux_default: Option<f64>,
}

/// One operation at one size.
#[derive(Debug, Deserialize)]
pub struct Row {
    /// The name in the program's output.
    pub name: String,
    /// How many of what the row counts; `None`: the operation has no size.
    pub size: Option<u64>,
    /// Trident's count, on a CPU without ERMS.
    pub trident: f64,
    /// Linux's, in its leanest setting, on such a CPU.
    pub linux: f64,
    /// Trident's, on a CPU with ERMS.
    pub trident_erms: Option<f64>,
    /// Linux's, on such a CPU.
    pub linux_erms: Option<f64>,
}

impl Row {
    /// Trident's count by Linux's.
    pub fn ratio(&self) -> f64 {
        self.trident / self.linux
    }

    /// The name with the size.
    pub fn title(&self) -> String {
        match self.size {
            Some(size) => format!("{}/{size}", self.name),
            None => self.name.clone(),
        }
    }
}

impl Figures {
    /// The rows from the lowest ratio to the highest.
    pub fn by_ratio(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        rows
    }

    /// The rows of each name that has several sizes, in ascending order of size.
    pub fn series(&self) -> BTreeMap<&str, Vec<&Row>> {
        let mut all: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.size.is_some()) {
            all.entry(&row.name).or_default().push(row);
        }
        for rows in all.values_mut() {
            rows.sort_by_key(|row| row.size);
        }
        all.retain(|_, rows| rows.len() > 1);
        all
    }
}
