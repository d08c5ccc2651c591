//! The few MQTT 3.1.1 packets that the load needs, as bytes.

use std::io::{self, Read, Write};
use std::net::TcpStream;

const CONNACK: u8 = 0x20;
const SUBACK: u8 = 0x90;

/// A connection that is acknowledged.
pub(super) fn connect(port: u16, client_id: &str, clean_session: bool) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let flags = if clean_session { 2 } else { 0 };
    // Protocol level 4, no keep-alive.
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 0];
    text(&mut body, client_id);
    stream.write_all(&packet(0x10, &body))?;
    expect(&mut stream, CONNACK)?;
    Ok(stream)
}

/// Makes a session that keeps what is published for it.
pub(super) fn make_session(port: u16, client_id: &str, topic: &str) -> io::Result<()> {
    let mut stream = connect(port, client_id, false)?;
    let mut body = vec![0, 1];
    text(&mut body, topic);
    body.push(1);
    stream.write_all(&packet(0x82, &body))?;
    expect(&mut stream, SUBACK)?;
    stream.write_all(&[0xE0, 0])
}

/// Appends a PUBLISH at QoS 1.
pub(super) fn publish(to: &mut Vec<u8>, packet_id: u16, topic: &str, payload: &[u8]) {
    let mut body = Vec::with_capacity(payload.len() + topic.len() + 4);
    text(&mut body, topic);
    body.extend(packet_id.to_be_bytes());
    body.extend(payload);
    to.extend(packet(0x32, &body));
}

fn text(to: &mut Vec<u8>, text: &str) {
    to.extend((text.len() as u16).to_be_bytes());
    to.extend(text.as_bytes());
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut length = body.len();
    loop {
        let more = if length > 127 { 128 } else { 0 };
        packet.push((length % 128) as u8 | more);
        length /= 128;
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

/// Reads a short packet, which must be of this kind.
fn expect(stream: &mut TcpStream, kind: u8) -> io::Result<()> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let mut body = vec![0; usize::from(head[1])];
    stream.read_exact(&mut body)?;
    // The last byte of both is the return code.
    if head[0] == kind && body.last().is_some_and(|code| *code < 0x80) {
        return Ok(());
    }
    Err(io::Error::other(format!("the broker answered {head:02x?} {body:02x?}")))
}
