//! Synthetic recordings: the same whatever the windows, and each component what its formula says.

use std::f64::consts::{PI, TAU};

use distpy_gpu::block::DType;
use distpy_gpu::formats::Source;
use distpy_gpu::synth::{
    Fading, Flow, InstrumentNoise, Microseism, Recipe, Recording, SampleType, Tone, Vehicle,
};
use ndarray::{Array2, ArrayView1};

/// Nothing happens on this fibre yet: 1 km, 8 s.
fn quiet() -> Recipe {
    Recipe {
        channels: 100,
        seconds: 8.0,
        prf: 500.0,
        channel_spacing: 10.0,
        vehicles: Vec::new(),
        flow: None,
        tone: None,
        microseisms: Vec::new(),
        fading: None,
        noise: None,
        ..Recipe::default()
    }
}

fn all(recipe: &Recipe) -> Array2<f32> {
    let recording = Recording::new(recipe).unwrap();
    let (channels, samples) = (recording.header().channels, recording.header().samples);
    let mut out = vec![0.0; channels * samples];
    recording.fill(0..channels, 0..samples, &mut out);
    Array2::from_shape_vec((channels, samples), out).unwrap()
}

fn rms(row: ArrayView1<f32>) -> f64 {
    (row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / row.len() as f64).sqrt()
}

/// Amplitude and phase (in turns) at one frequency.
fn harmonic(row: ArrayView1<f32>, turns_per_sample: f64) -> (f64, f64) {
    let (mut re, mut im) = (0.0, 0.0);
    for (k, v) in row.iter().enumerate() {
        let (sin, cos) = (TAU * turns_per_sample * k as f64).sin_cos();
        re += f64::from(*v) * cos;
        im += f64::from(*v) * sin;
    }
    (2.0 * re.hypot(im) / row.len() as f64, im.atan2(re) / TAU)
}

fn largest(row: ArrayView1<f32>) -> usize {
    let at = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    at.unwrap().0
}

/// Slope of the least-squares line.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (mx, my) = points
        .iter()
        .fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
    let (sxy, sxx) = points.iter().fold((0.0, 0.0), |(a, b), (x, y)| {
        (a + (x - mx) * (y - my), b + (x - mx).powi(2))
    });
    sxy / sxx
}

#[test]
fn samples_do_not_depend_on_windows() {
    for sample_type in [SampleType::Int16, SampleType::Float32] {
        let recipe = Recipe {
            channels: 40,
            seconds: 9.0,
            prf: 400.0,
            channel_spacing: 5.0,
            sample_type,
            ..Recipe::default()
        };
        let recording = Recording::new(&recipe).unwrap();
        let size = recording.header().dtype.size();
        let mut whole = vec![0; 40 * 3600 * size];
        recording.read(0..40, 0..3600, &mut whole).unwrap();
        assert!(whole.iter().any(|byte| *byte != 0));
        for (channels, times) in [
            (0..40, 0..1),
            (3..4, 0..3600),
            (7..40, 1023..2049),
            (0..9, 3599..3600),
            (1..40, 777..3001),
        ] {
            let mut window = vec![0; channels.len() * times.len() * size];
            recording
                .read(channels.clone(), times.clone(), &mut window)
                .unwrap();
            for (row, channel) in window.chunks_exact(times.len() * size).zip(channels) {
                let from = (channel * 3600 + times.start) * size;
                assert!(
                    row == &whole[from..from + row.len()],
                    "channel {channel}, times {times:?}"
                );
            }
        }
    }
}

#[test]
fn the_seed_decides() {
    let with_seed = |seed| {
        all(&Recipe {
            seed,
            noise: Some(InstrumentNoise::default()),
            ..quiet()
        })
    };
    assert!(with_seed(1) == with_seed(1));
    let (one, two) = (with_seed(1), with_seed(2));
    let equal = one.iter().zip(&two).filter(|(a, b)| a == b).count();
    assert!(
        equal < one.len() / 1000,
        "{equal} of {} samples are equal",
        one.len()
    );
}

#[test]
fn a_vehicle_moves_at_its_speed() {
    for speed in [25.0, -40.0] {
        let vehicle = Vehicle {
            speed,
            position: Some(500.0 - 4.0 * speed),
            rolling_noise: 0.0,
            ..Vehicle::default()
        };
        let recipe = Recipe {
            vehicles: vec![vehicle],
            ..quiet()
        };
        let data = all(&recipe);
        let peaks: Vec<_> = (45..55)
            .map(|channel| {
                (
                    largest(data.row(channel)) as f64 / 500.0,
                    channel as f64 * 10.0,
                )
            })
            .collect();
        // Each peak is known to half a sample of 8 s.
        let apparent = slope(&peaks);
        assert!((apparent / speed - 1.0).abs() < 2e-3, "{apparent} m/s");
        // The middle of the axles passes channel 50 after 4 s and half the wheelbase; there the strain rate is odd in time.
        let passing = (4.0 + 1.4 / speed.abs()) * 500.0;
        let row = data.row(50);
        let (up, down) = (largest(row), largest(row.mapv(|v| -v).view()));
        assert!(((up + down) as f64 / 2.0 - passing).abs() <= 1.0);
        assert!((row[up] / row[down] + 1.0).abs() < 0.02);
    }
}

#[test]
fn rolling_noise_is_near_the_vehicle_and_in_its_band() {
    let vehicle = Vehicle {
        axle_load: 0.0,
        position: Some(450.0),
        speed: 12.5,
        ..Vehicle::default()
    };
    let data = all(&Recipe {
        vehicles: vec![vehicle],
        ..quiet()
    });
    // The vehicle goes from 450 m to 550 m; the reach of its noise is 200 m.
    assert!(rms(data.row(50)) > 100.0);
    assert_eq!(rms(data.row(10)), 0.0);
    let power = |low: usize, high: usize| -> f64 {
        // Bins of 1/8 Hz.
        (8 * low..8 * high)
            .map(|k| harmonic(data.row(50), k as f64 / 4000.0).0.powi(2))
            .sum()
    };
    assert!(power(20, 60) > 50.0 * (power(1, 18) + power(62, 200)));
}

#[test]
fn p_and_s_arrive_on_hyperbolas() {
    let event = Microseism {
        time: Some(1.0),
        position: Some(300.0),
        offset: Some(700.0),
        ..Microseism::default()
    };
    let data = all(&Recipe {
        microseisms: vec![event.clone()],
        gauge_length: 1.0,
        ..quiet()
    });
    for channel in [0, 5, 60, 80, 99] {
        let along = channel as f64 * 10.0 - 300.0;
        let r = along.hypot(700.0);
        let (cos, sin) = (along / r, 700.0 / r);
        for (speed, amplitude) in [
            (event.p_speed, event.p_amplitude * cos * cos),
            (event.s_speed, event.s_amplitude * 2.0 * sin * cos),
        ] {
            let arrival = (1.0 + r / speed) * 500.0;
            let decay = 700.0 / r * (-PI * 30.0 * (r - 700.0) / (80.0 * speed)).exp();
            let sample = arrival.round() as usize;
            let peak = f64::from(data[[channel, sample]]);
            // Half a sample (1 ms) off the centre of a 30 Hz wavelet loses up to 2.6 %; P and S are 0.1 s apart or more.
            assert!(
                (peak / (amplitude * decay) - 1.0).abs() < 0.03,
                "channel {channel}: {peak}"
            );
            let around = data.slice(ndarray::s![channel, sample - 20..sample + 21]);
            let signed = around.mapv(|v| v * amplitude.signum() as f32);
            assert!(largest(signed.view()).abs_diff(20) <= 1);
        }
    }
    // At the nearest point the rays are across the fibre, which then feels neither.
    assert!(data.row(30).iter().all(|v| v.abs() < 1e-3));
}

#[test]
fn the_tone_travels_and_fades() {
    let tone = Tone {
        frequency: 25.0,
        harmonics: 3,
        ..Tone::default()
    };
    let data = all(&Recipe {
        tone: Some(tone.clone()),
        gauge_length: 1.0,
        ..quiet()
    });
    let row = data.row(20);
    // 4000 samples at 500 Hz: bins of 1/8 Hz, and every harmonic on a bin.
    let strongest = (1..2000).max_by(|a, b| {
        let amplitude = |k: usize| harmonic(row, k as f64 / 4000.0).0;
        amplitude(*a).total_cmp(&amplitude(*b))
    });
    assert_eq!(strongest.map(|k| k as f64 / 8.0), Some(25.0));
    for n in 1..=3 {
        let turns = n as f64 * 25.0 / 500.0;
        let ((a, phase_a), (b, phase_b)) =
            (harmonic(data.row(10), turns), harmonic(data.row(11), turns));
        let ratio = 20.0 * (b / a).log10();
        let loss = tone.attenuation * 0.010 * (n as f64).sqrt();
        assert!((ratio + loss).abs() < 1e-3, "harmonic {n}: {ratio} dB");
        let delay = (phase_b - phase_a).rem_euclid(1.0) / (n as f64 * 25.0);
        assert!(
            (10.0 / delay / tone.speed - 1.0).abs() < 1e-3,
            "harmonic {n}: {delay} s"
        );
    }
}

#[test]
fn a_gauge_of_one_wavelength_hears_nothing() {
    let amplitude = |gauge_length: f64| {
        // A wavelength of 58 m.
        let tone = Tone {
            frequency: 25.0,
            harmonics: 1,
            attenuation: 0.0,
            amplitude: 1.0,
            ..Tone::default()
        };
        harmonic(
            all(&Recipe {
                tone: Some(tone),
                gauge_length,
                ..quiet()
            })
            .row(3),
            25.0 / 500.0,
        )
        .0
    };
    assert!((amplitude(29.0) - 2.0 / PI).abs() < 1e-5);
    assert!(amplitude(58.0) < 1e-5);
    assert!((amplitude(87.0) - 2.0 / (3.0 * PI)).abs() < 1e-5);
}

#[test]
fn flow_noise_rises_with_depth() {
    let flow = Flow {
        band: [5.0, 150.0],
        ..Flow::default()
    };
    let data = all(&Recipe {
        flow: Some(flow.clone()),
        seconds: 40.0,
        ..quiet()
    });
    // 40 s of noise that is mostly below 30 Hz: the standard deviation is known to about 2 %.
    let group = |from: usize| data.outer_iter().skip(from).take(10).map(rms).sum::<f64>() / 10.0;
    let groups: Vec<_> = (0..10).map(|k| group(10 * k)).collect();
    assert!((groups[0] / flow.quiet - 1.0).abs() < 0.03, "{groups:?}");
    assert!((groups[9] / flow.loud - 1.0).abs() < 0.03, "{groups:?}");
    assert!(
        groups[4..9].windows(2).all(|pair| pair[0] < pair[1]),
        "{groups:?}"
    );
    let power = |low: f64, high: f64| -> f64 {
        let bins = (low * 40.0) as usize..(high * 40.0) as usize;
        data.outer_iter()
            .skip(90)
            .step_by(3)
            .map(|row| {
                bins.clone()
                    .step_by(4)
                    .map(|k| harmonic(row, k as f64 / 20_000.0).0.powi(2))
                    .sum::<f64>()
            })
            .sum::<f64>()
    };
    let density = |f: f64| (1.0 + 70.8 * (f * 0.05 / 8.0).powi(2)).powf(-5.0 / 6.0);
    // 200 independent bins on four channels: 800 draws, 5 % each side.
    let ratio = power(30.0, 50.0) / power(110.0, 130.0);
    let expected = density(40.0) / density(120.0);
    assert!(
        (ratio / expected - 1.0).abs() < 0.2,
        "{ratio}, expected {expected}"
    );
    assert!(power(160.0, 180.0) < 1e-3 * power(110.0, 130.0));
}

#[test]
fn the_noise_floor_is_as_deep_as_quoted() {
    let noise = InstrumentNoise {
        floor: 0.01,
        common_mode: 0.0,
        corner: 0.0,
    };
    let data = all(&Recipe {
        noise: Some(noise),
        ..quiet()
    });
    let measured = (data.outer_iter().map(|row| rms(row).powi(2)).sum::<f64>() / 100.0).sqrt();
    // 400,000 samples, correlated between neighbours only.
    let quoted = 0.01 * 500f64.powf(1.5);
    assert!(
        (measured / quoted - 1.0).abs() < 0.01,
        "{measured}, quoted {quoted}"
    );
    // Channels are independent: their correlation is that of 4000 samples, about 0.016.
    let (a, b) = (data.row(0), data.row(1));
    let correlation =
        a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>() / 4000.0 / quoted.powi(2);
    assert!(correlation.abs() < 0.1, "{correlation}");
    // Gaussian: the fourth moment is three times the squared variance.
    let fourth = data
        .iter()
        .map(|v| (f64::from(*v) / measured).powi(4))
        .sum::<f64>()
        / data.len() as f64;
    assert!((fourth - 3.0).abs() < 0.1, "{fourth}");
}

#[test]
fn laser_noise_is_common_to_all_channels() {
    let noise = InstrumentNoise {
        floor: 0.0,
        ..InstrumentNoise::default()
    };
    let data = all(&Recipe {
        noise: Some(noise),
        ..quiet()
    });
    assert!(rms(data.row(0)) > 1.0);
    assert!(data.outer_iter().all(|row| row == data.row(0)));
}

#[test]
fn a_few_channels_fade_and_recover() {
    let noise = InstrumentNoise {
        common_mode: 0.0,
        corner: 0.0,
        ..InstrumentNoise::default()
    };
    let floor = noise.floor * 500f64.powf(1.5);
    let fading = Fading {
        drift: 0.05,
        limit: 10.0,
    };
    let recipe = Recipe {
        noise: Some(noise),
        fading: Some(fading),
        seconds: 60.0,
        channels: 400,
        ..quiet()
    };
    let data = all(&recipe);
    let faded = |from: usize| -> Vec<bool> {
        let window = data.slice(ndarray::s![.., from..from + 2000]);
        window
            .outer_iter()
            .map(|row| rms(row) > 3.0 * floor)
            .collect()
    };
    let (early, late) = (faded(0), faded(28_000));
    // A Rayleigh amplitude is below a third of its root mean square with probability 1 - exp(-1/9): 10.5 %, of 400 channels.
    for state in [&early, &late] {
        let part = state.iter().filter(|faded| **faded).count() as f64 / 400.0;
        assert!((0.05..0.17).contains(&part), "{part}");
    }
    let still = early.iter().zip(&late).filter(|(a, b)| **a && **b).count();
    assert!(still < 25, "{still} channels stay faded");
    assert!(data.outer_iter().all(|row| rms(row) < 10.5 * floor));
}

#[test]
fn counts_do_not_clip_and_use_the_range() {
    let float = Recipe {
        channels: 200,
        seconds: 10.0,
        sample_type: SampleType::Float32,
        ..Recipe::default()
    };
    let recipe = Recipe {
        sample_type: SampleType::Int16,
        ..float.clone()
    };
    let recording = Recording::new(&recipe).unwrap();
    assert_eq!(recording.header().dtype, DType::I16);
    assert_eq!(recording.header().metadata["scale"], recording.scale());
    let mut counts = vec![0i16; 200 * 10_000];
    recording
        .read(0..200, 0..10_000, bytemuck::cast_slice_mut(&mut counts))
        .unwrap();
    let peak = counts.iter().map(|c| c.unsigned_abs()).max().unwrap();
    assert!((1000..32_767).contains(&peak), "{peak}");
    let scale = recording.scale();
    for (count, value) in counts.iter().zip(&all(&float)) {
        // Half a count, and the rounding of f32.
        assert!((f64::from(*count) * scale - f64::from(*value)).abs() < 0.501 * scale);
    }
}

#[test]
fn the_header_says_what_was_asked_for() {
    let recipe = Recipe {
        start: "2026-05-01T10:00:00.5Z".into(),
        ..quiet()
    };
    let recording = Recording::new(&recipe).unwrap();
    let h = recording.header();
    assert_eq!((h.channels, h.samples, h.prf()), (100, 4000, 500.0));
    assert_eq!(h.start_time().as_millisecond() % 1000, 500);
    assert_eq!((h.depth[0], h.depth[99]), (0.0, 990.0));
    // An empty recording is zeros.
    assert!(all(&recipe).iter().all(|v| *v == 0.0));
    let again: Recipe = serde_json::from_value(h.metadata["recipe"].clone()).unwrap();
    assert_eq!(again, recipe);
}

#[test]
fn recipes_from_json() {
    let read = |text: &str| serde_json::from_str::<Recipe>(text);
    assert_eq!(read("{}").unwrap(), Recipe::default());
    let recipe = read(
        r#"{"channels": 5, "flow": null, "vehicles": [{"speed": -3}], "sample_type": "float32"}"#,
    )
    .unwrap();
    assert_eq!(
        (recipe.channels, recipe.flow, recipe.sample_type),
        (5, None, SampleType::Float32)
    );
    assert_eq!(
        recipe.vehicles,
        [Vehicle {
            speed: -3.0,
            ..Vehicle::default()
        }]
    );
    let unknown = read(r#"{"chanels": 5}"#).unwrap_err().to_string();
    assert!(unknown.starts_with("unknown field `chanels`"), "{unknown}");
    let bad = read(
        r#"{"prf": 0, "channels": 0, "start": "today", "vehicles": [{}, {"speed": 0, "rolling_band": [60, 20]}],
            "tone": {"harmonics": 1000}, "fading": {"limit": 0.5}}"#,
    );
    let problems = Recording::new(&bad.unwrap()).unwrap_err();
    let lines: Vec<_> = problems
        .iter()
        .map(|p| format!("{}: {}", p.path, p.message))
        .collect();
    assert_eq!(
        lines,
        [
            "channels: found 0, expected at least 1",
            "prf: found 0, expected more than 0",
            "vehicles[1].speed: found 0, expected a moving vehicle",
            "vehicles[1].rolling_band: found 60 to 20 Hz, expected a rising band",
            "tone.harmonics: found 1000, expected at most 64",
            "fading.limit: found 0.5, expected at least 1",
            "start: found \"today\", expected RFC 3339 as in 2026-01-01T00:00:00Z",
        ]
    );
}

#[test]
fn the_schema_documents_every_field() {
    let schema = serde_json::to_value(schemars::schema_for!(Recipe)).unwrap();
    let objects = std::iter::once(&schema).chain(schema["$defs"].as_object().unwrap().values());
    for object in objects {
        for (name, field) in object["properties"].as_object().into_iter().flatten() {
            assert!(
                field["description"].is_string(),
                "{name} has no description"
            );
            assert!(field.get("default").is_some(), "{name} has no default");
        }
    }
}
