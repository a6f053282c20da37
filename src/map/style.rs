//! The QGIS style of a class map (`.qml`, beside the map and with its name, is applied when the map is opened).

use quick_xml::Writer;
use quick_xml::events::{BytesText, Event};

use super::legend::Legend;
use super::text;
use crate::error::{Error, Result};

/// The style as XML: the legend's names and colours, unclassified pixels transparent.
pub fn qml(legend: &Legend) -> Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut writer, legend).map_err(|e| Error::failed("QGIS style", e))?;
    let mut xml = String::from_utf8(writer.into_inner()).map_err(|e| Error::failed("QGIS style", e))?;
    xml.push('\n');
    Ok(xml)
}

fn write(writer: &mut Writer<Vec<u8>>, legend: &Legend) -> std::io::Result<()> {
    writer.write_event(Event::DocType(BytesText::from_escaped("qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'")))?;
    let root =
        [("version", "3.22.0"), ("styleCategories", "Symbology|Rendering"), ("hasScaleBasedVisibilityFlag", "0")];
    writer.create_element("qgis").with_attributes(root).write_inner_content(|w| {
        w.create_element("pipe").write_inner_content(|w| {
            w.create_element("rasterrenderer")
                .with_attributes([("type", "paletted"), ("band", "1"), ("opacity", "1"), ("alphaBand", "-1")])
                .with_attribute(("nodataColor", ""))
                .write_inner_content(|w| {
                    w.create_element("rasterTransparency").write_empty()?;
                    w.create_element("colorPalette").write_inner_content(|w| palette(w, legend))?;
                    Ok(())
                })?;
            let plain = [("brightness", "0"), ("contrast", "0"), ("gamma", "1")];
            w.create_element("brightnesscontrast").with_attributes(plain).write_empty()?;
            w.create_element("huesaturation")
                .with_attributes([("saturation", "0"), ("grayscaleMode", "0")])
                .write_empty()?;
            // Blended classes would be colours that mean nothing.
            w.create_element("rasterresampler").with_attribute(("maxOversampling", "1")).write_empty()?;
            Ok(())
        })?;
        w.create_element("blendMode").write_text_content(BytesText::new("0"))?;
        Ok(())
    })?;
    Ok(())
}

fn palette(writer: &mut Writer<Vec<u8>>, legend: &Legend) -> std::io::Result<()> {
    for entry in &legend.entries {
        let [r, g, b] = entry.color;
        writer
            .create_element("paletteEntry")
            .with_attribute(("value", entry.value.to_string().as_str()))
            .with_attribute(("color", format!("#{r:02x}{g:02x}{b:02x}").as_str()))
            .with_attribute(("alpha", legend.alpha(entry.value).to_string().as_str()))
            .with_attribute(("label", text::one_line(&entry.name).as_str()))
            .write_empty()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;

    #[test]
    fn hostile_names_come_back_from_the_xml_as_they_are() {
        let names = ["<script>alert('1')</script>", "a \"b\" & c", "]]>\n\0", "🪨", &"k".repeat(10_240)];
        let legend = Legend::new(&names.map(str::to_owned)).unwrap();
        let xml = qml(&legend).unwrap();
        let (mut reader, mut labels) = (Reader::from_str(&xml), Vec::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Empty(tag) if tag.name().as_ref() == "paletteEntry" => {
                    let label = tag.attributes().map(|a| a.unwrap()).find(|a| a.key.as_ref() == "label");
                    let raw = label.unwrap().value;
                    labels.push(quick_xml::escape::unescape(&raw).unwrap().into_owned());
                }
                _ => {}
            }
        }
        let expected: Vec<_> = legend.entries.iter().map(|e| e.name.clone()).collect();
        assert_eq!(labels, expected);
    }

    #[test]
    fn the_style_of_a_small_map() {
        let legend = Legend::new(&["Alunite".to_owned()]).unwrap();
        let xml = qml(&legend).unwrap();
        assert!(xml.starts_with("<!DOCTYPE qgis"), "{xml}");
        assert!(xml.contains(r##"<paletteEntry value="0" color="#e2e2e2" alpha="0" label="unclassified"/>"##), "{xml}");
        assert!(xml.contains(r##"<paletteEntry value="1" color="#d81b60" alpha="255" label="Alunite"/>"##), "{xml}");
    }
}
