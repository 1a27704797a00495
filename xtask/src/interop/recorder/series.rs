//! Which series the application records, and by which names a store must hold them.
//!
//! The names are written out as the documents of the recorder and of the names' scheme have them,
//! and are made by neither. Not here: what their values must be ([`super::expect`]).

use clap::ValueEnum;
use graphite_proto::metrics;

/// What every name begins with. The shipped schemas are for `shop.`.
pub(super) const PREFIX: &str = "shop.interop";

/// What is sent of a histogram.
pub(super) const STATISTICS: [&str; 10] =
    ["count", "sum", "min", "max", "mean", "p50", "p75", "p95", "p99", "p999"];

/// What is recorded under one name.
pub(super) struct Instrument {
    pub(super) name: &'static str,
    pub(super) labels: &'static [(&'static str, &'static str)],
    /// The name in the store, behind the prefix.
    stored: &'static str,
    /// The labels in the store, as tags.
    tags: &'static str,
}

pub(super) const COUNTERS: [Instrument; 5] = [
    Instrument { name: "jobs", labels: &[], stored: "jobs", tags: "" },
    Instrument {
        name: "http.requests",
        labels: &[("route", "/cart/:id"), ("method", "GET")],
        stored: "http.requests",
        tags: ";method=GET;route=_2Fcart_2F_3Aid",
    },
    Instrument {
        name: "http.requests",
        labels: &[("route", "/a b.c"), ("method", "GET")],
        stored: "http.requests",
        tags: ";method=GET;route=_2Fa_20b_2Ec",
    },
    Instrument {
        name: "http.requests",
        labels: &[("method", "PUT"), ("route", "~;=x")],
        stored: "http.requests",
        tags: ";method=PUT;route=_7E_3B_3Dx",
    },
    Instrument {
        name: "Straße 7.done",
        labels: &[("Größe", "汉 字")],
        stored: "Stra_C3_9Fe_207.done",
        tags: ";Gr_C3_B6_C3_9Fe=_E6_B1_89_20_E5_AD_97",
    },
];

/// The first is set, the second goes up and down.
pub(super) const GAUGES: [Instrument; 2] = [
    Instrument {
        name: "queue length",
        labels: &[("host", "www.example.com")],
        stored: "queue_20length",
        tags: ";host=www_2Eexample_2Ecom",
    },
    Instrument { name: "in_flight", labels: &[], stored: "in_flight", tags: "" },
];

/// Those that all tasks record into.
pub(super) const HISTOGRAMS: [Instrument; 2] = [
    Instrument {
        name: "latency.seconds",
        labels: &[("route", "/50 %")],
        stored: "latency.seconds",
        tags: ";route=_2F50_20_25",
    },
    Instrument {
        name: "latency.seconds",
        labels: &[("route", "👩‍💻")],
        stored: "latency.seconds",
        tags: ";route=_F0_9F_91_A9_E2_80_8D_F0_9F_92_BB",
    },
];

/// The histogram of a burst, and the key of the label that numbers it.
pub(super) const BURST: &str = "burst";
pub(super) const NUMBER: &str = "number";

/// What every sample of [`HISTOGRAMS`] is, so that every interval's statistics are known.
pub(super) const SAMPLE: f64 = 0.25;

/// The samples of a burst, in ascending order: eighths of squares, of which floats hold even the
/// sum as it is.
pub(super) fn burst() -> impl Iterator<Item = f64> {
    (1..=1000_u32).map(|root| f64::from(root * root) / 8.0)
}

/// How the recorder names series, and what its counters send.
#[derive(Clone, Copy, Debug, PartialEq, clap::Args)]
pub(super) struct Form {
    #[arg(value_enum)]
    pub(super) labels: Labels,
    #[arg(value_enum)]
    pub(super) counters: Counters,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum Labels {
    Tags,
    Path,
    KeyedPath,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum Counters {
    Total,
    PerInterval,
}

impl Form {
    /// Returns the recorder's settings.
    pub(super) fn settings(self) -> (metrics::Labels, metrics::Counters) {
        let labels = match self.labels {
            Labels::Tags => metrics::Labels::Tags,
            Labels::Path => metrics::Labels::Path,
            Labels::KeyedPath => metrics::Labels::KeyedPath,
        };
        let counters = match self.counters {
            Counters::Total => metrics::Counters::Total,
            Counters::PerInterval => metrics::Counters::PerInterval,
        };
        (labels, counters)
    }
}

impl Labels {
    /// Returns the name of a statistic in the store, or of the series where it has but one.
    pub(super) fn name(self, instrument: &Instrument, statistic: &str) -> String {
        self.full(instrument.stored, instrument.tags, statistic)
    }

    /// The same of a burst.
    pub(super) fn burst(self, number: usize, statistic: &str) -> String {
        self.full(BURST, &format!(";{NUMBER}={number}"), statistic)
    }

    fn full(self, stored: &str, tags: &str, statistic: &str) -> String {
        let statistic = if statistic.is_empty() { String::new() } else { format!(".{statistic}") };
        let values =
            || tags.split(';').filter_map(|tag| Some(format!(".{}", tag.split_once('=')?.1)));
        match self {
            Self::Tags => format!("{PREFIX}.{stored}{statistic}{tags}"),
            Self::Path => format!("{PREFIX}.{stored}{}{statistic}", values().collect::<String>()),
            Self::KeyedPath => {
                format!("{PREFIX}.{stored}{}{statistic}", tags.replace([';', '='], "."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documents() {
        let names = |labels: Labels| {
            [
                labels.name(&COUNTERS[2], "count"),
                labels.name(&GAUGES[1], ""),
                labels.burst(3, "p50"),
            ]
        };
        let [route, gauge] = ["_2Fa_20b_2Ec", "shop.interop.in_flight"];
        let counter = format!("shop.interop.http.requests.count;method=GET;route={route}");
        assert_eq!(names(Labels::Tags), [&counter, gauge, "shop.interop.burst.p50;number=3"]);
        let counter = format!("shop.interop.http.requests.GET.{route}.count");
        assert_eq!(names(Labels::Path), [&counter, gauge, "shop.interop.burst.3.p50"]);
        let counter = format!("shop.interop.http.requests.method.GET.route.{route}.count");
        assert_eq!(names(Labels::KeyedPath), [&counter, gauge, "shop.interop.burst.number.3.p50"]);
    }
}
