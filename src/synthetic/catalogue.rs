//! The modelled materials: continua, and the absorptions that tell them apart.
//!
//! Sources of the positions:
//! - Clark et al. 1990, J. Geophys. Res. 95:12653 (OH, water and carbonate absorptions at high resolution)
//! - Hunt & Ashley 1979, Econ. Geol. 74:1613 (altered rocks, visible and near infrared)
//! - Hunt & Salisbury 1971, Modern Geology 2:23 (carbonates)
//! - Krohn & Altaner 1987, Geophysics 52:924 (ammonium in buddingtonite)
//! - Crowley et al. 2003, Geochem. Explor. Env. Anal. 3:219, and Kokaly et al. 2017, USGS Data Series 1035 (iron)
//! - Elvidge 1990, Int. J. Remote Sensing 11:1775 (dry plants)

use super::minerals::Material;

/// The minerals, in the order of the demo's truth classes 1, 2, 3 ...
pub const ALL: [Material; 12] = [
    Material {
        name: "Alunite (modelled)",
        continuum: &[
            (350., 0.30),
            (500., 0.58),
            (800., 0.74),
            (1650., 0.80),
            (2050., 0.64),
            (2260., 0.62),
            (2500., 0.40),
        ],
        // Al-OH combination at 2.165 with its shoulder at 2.20, the sulphate-bound OH overtone at 1.76.
        absorptions: &[
            (1428., 30., 0.25),
            (1478., 45., 0.40),
            (1762., 28., 0.32),
            (1970., 90., 0.10),
            (2165., 50., 0.42),
            (2207., 42., 0.20),
            (2320., 50., 0.30),
            (2420., 40., 0.14),
        ],
    },
    Material {
        name: "Kaolinite (modelled)",
        continuum: &[
            (350., 0.42),
            (500., 0.66),
            (800., 0.78),
            (1650., 0.84),
            (2100., 0.76),
            (2260., 0.72),
            (2500., 0.42),
        ],
        // The doublets at 1.4 and 2.2 um, and the OH bending series from 2.31 to 2.38.
        absorptions: &[
            (1395., 18., 0.28),
            (1414., 18., 0.34),
            (1915., 55., 0.10),
            (2162., 32., 0.24),
            (2206., 30., 0.44),
            (2312., 22., 0.14),
            (2352., 22., 0.15),
            (2382., 18., 0.13),
        ],
    },
    Material {
        name: "Pyrophyllite (modelled)",
        continuum: &[
            (350., 0.48),
            (500., 0.64),
            (800., 0.74),
            (1650., 0.78),
            (2100., 0.74),
            (2260., 0.72),
            (2500., 0.52),
        ],
        // One narrow, deep Al-OH absorption at 2.167.
        absorptions: &[
            (1393., 14., 0.45),
            (1910., 55., 0.05),
            (2067., 22., 0.09),
            (2167., 25., 0.52),
            (2319., 28., 0.24),
            (2390., 26., 0.20),
        ],
    },
    Material {
        name: "Muscovite (modelled)",
        continuum: &[
            (350., 0.26),
            (500., 0.44),
            (800., 0.54),
            (1300., 0.60),
            (1700., 0.64),
            (2100., 0.60),
            (2500., 0.44),
        ],
        absorptions: &[
            (865., 220., 0.05),
            (1413., 28., 0.24),
            (1910., 60., 0.12),
            (2118., 40., 0.06),
            (2200., 38., 0.42),
            (2346., 42., 0.26),
            (2437., 42., 0.24),
        ],
    },
    Material {
        name: "Montmorillonite (modelled)",
        continuum: &[
            (350., 0.26),
            (500., 0.48),
            (800., 0.62),
            (1300., 0.68),
            (1700., 0.66),
            (2150., 0.56),
            (2300., 0.50),
            (2500., 0.34),
        ],
        // Interlayer water at 1.41 and 1.91, and a single Al-OH absorption.
        absorptions: &[
            (1413., 35., 0.28),
            (1463., 60., 0.10),
            (1910., 55., 0.42),
            (1970., 70., 0.20),
            (2208., 44., 0.26),
        ],
    },
    Material {
        name: "Chlorite (modelled)",
        continuum: &[
            (350., 0.12),
            (550., 0.22),
            (800., 0.24),
            (1300., 0.28),
            (1700., 0.36),
            (2200., 0.36),
            (2500., 0.24),
        ],
        // Fe2+ crystal field and Fe2+-Fe3+ charge transfer at 0.7 to 1.1; Fe-OH at 2.25, Mg-OH at 2.335.
        absorptions: &[
            (720., 150., 0.12),
            (900., 200., 0.16),
            (1120., 280., 0.25),
            (1393., 20., 0.12),
            (2000., 60., 0.05),
            (2254., 36., 0.17),
            (2335., 52., 0.38),
            (2400., 40., 0.14),
        ],
    },
    Material {
        name: "Calcite (modelled)",
        continuum: &[
            (350., 0.62),
            (500., 0.76),
            (800., 0.82),
            (1650., 0.84),
            (2100., 0.80),
            (2260., 0.78),
            (2500., 0.62),
        ],
        // Overtones and combinations of the carbonate ion.
        absorptions: &[
            (1878., 45., 0.05),
            (1995., 70., 0.08),
            (2156., 60., 0.05),
            (2303., 50., 0.10),
            (2340., 56., 0.38),
            (2535., 100., 0.45),
        ],
    },
    Material {
        name: "Buddingtonite (modelled)",
        continuum: &[
            (350., 0.24),
            (500., 0.42),
            (800., 0.54),
            (1300., 0.60),
            (1700., 0.62),
            (2250., 0.58),
            (2500., 0.40),
        ],
        // Ammonium: 1.56, 2.02, 2.12.
        absorptions: &[
            (1413., 40., 0.08),
            (1560., 90., 0.16),
            (1910., 60., 0.14),
            (2020., 80., 0.24),
            (2118., 72., 0.30),
        ],
    },
    Material {
        name: "Chalcedony (modelled)",
        continuum: &[
            (350., 0.36),
            (500., 0.48),
            (800., 0.58),
            (1300., 0.62),
            (1700., 0.62),
            (2150., 0.54),
            (2500., 0.42),
        ],
        // Water and silanol: the broad pair at 2.21 and 2.26.
        absorptions: &[
            (1410., 40., 0.12),
            (1460., 70., 0.06),
            (1915., 60., 0.24),
            (2210., 62., 0.15),
            (2262., 76., 0.20),
        ],
    },
    Material {
        name: "Jarosite (modelled)",
        continuum: &[
            (350., 0.06),
            (430., 0.16),
            (520., 0.38),
            (720., 0.66),
            (1100., 0.74),
            (1650., 0.70),
            (2150., 0.56),
            (2500., 0.36),
        ],
        // Fe3+ at 0.437 (sharp) and 0.91; Fe-OH at 2.265.
        absorptions: &[
            (437., 26., 0.28),
            (910., 180., 0.42),
            (1475., 55., 0.20),
            (1850., 45., 0.25),
            (2215., 50., 0.12),
            (2265., 44., 0.34),
            (2400., 60., 0.14),
        ],
    },
    Material {
        name: "Goethite (modelled)",
        continuum: &[
            (350., 0.05),
            (480., 0.10),
            (570., 0.25),
            (750., 0.42),
            (1000., 0.46),
            (1300., 0.52),
            (2000., 0.48),
            (2500., 0.40),
        ],
        absorptions: &[(480., 70., 0.25), (670., 110., 0.16), (925., 190., 0.36), (1940., 100., 0.10)],
    },
    Material {
        name: "Hematite (modelled)",
        continuum: &[
            (350., 0.05),
            (530., 0.07),
            (600., 0.22),
            (750., 0.36),
            (1000., 0.40),
            (1300., 0.44),
            (2500., 0.42),
        ],
        absorptions: &[(530., 60., 0.22), (665., 60., 0.10), (865., 150., 0.38)],
    },
];

/// What lies between and over the altered rocks; in the library, but no targets.
pub const BACKGROUNDS: [Material; 4] = [
    Material {
        name: "Andesite, fresh (modelled)",
        continuum: &[(350., 0.08), (600., 0.15), (1000., 0.16), (1500., 0.18), (2500., 0.17)],
        absorptions: &[(1000., 350., 0.12), (1910., 80., 0.03), (2320., 90., 0.05)],
    },
    Material {
        name: "Soil, dry (modelled)",
        continuum: &[
            (350., 0.08),
            (500., 0.15),
            (700., 0.25),
            (1000., 0.32),
            (1700., 0.42),
            (2150., 0.41),
            (2500., 0.34),
        ],
        absorptions: &[(890., 180., 0.05), (1413., 50., 0.06), (1915., 70., 0.13), (2206., 50., 0.06)],
    },
    Material {
        name: "Dry grass (modelled)",
        continuum: &[
            (350., 0.07),
            (500., 0.14),
            (700., 0.28),
            (900., 0.42),
            (1300., 0.48),
            (1700., 0.46),
            (2200., 0.34),
            (2500., 0.22),
        ],
        // Cellulose and lignin.
        absorptions: &[
            (675., 40., 0.12),
            (1200., 90., 0.05),
            (1470., 120., 0.14),
            (1930., 110., 0.22),
            (2095., 100., 0.22),
            (2290., 60., 0.10),
            (2340., 60., 0.14),
        ],
    },
    Material {
        name: "Green vegetation (modelled)",
        continuum: &[
            (350., 0.05),
            (550., 0.11),
            (690., 0.10),
            (740., 0.42),
            (1080., 0.48),
            (1300., 0.42),
            (1650., 0.30),
            (2200., 0.16),
            (2500., 0.08),
        ],
        // Chlorophyll and leaf water.
        absorptions: &[
            (450., 90., 0.50),
            (675., 55., 0.60),
            (970., 60., 0.05),
            (1190., 90., 0.12),
            (1450., 140., 0.60),
            (1940., 150., 0.75),
        ],
    },
];
