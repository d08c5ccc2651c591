//! One client's connection: reads packets until the client leaves, is taken over, falls silent or breaks the protocol.

use core::time::Duration;
use std::io::{self, Read};
use std::net::TcpStream;

use bytes::BytesMut;
use rumqttc::QoS;
use rumqttc::mqttbytes::Error;
use rumqttc::mqttbytes::v4::{
    Connect, Packet, PubAck, Publish, SubAck, Subscribe, SubscribeReasonCode, UnsubAck,
};

use super::{PACKET_BYTES_MAX, Shared, send};

/// Time a client has for its first packet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn serve(stream: TcpStream, shared: &Shared) {
    let mut reader = PacketReader { stream, bytes: BytesMut::with_capacity(4096) };
    // Acknowledgements are small and waited for.
    let _ = reader.stream.set_nodelay(true);
    let _ = reader.stream.set_read_timeout(Some(CONNECT_TIMEOUT));
    let Ok(Packet::Connect(connect)) = reader.next() else { return };
    // One and a half times the keep-alive without a packet ends the connection (MQTT-3.1.2-24); 0 means no limit.
    let silence =
        (connect.keep_alive > 0).then(|| Duration::from_millis(u64::from(connect.keep_alive) * 1500));
    let _ = reader.stream.set_read_timeout(silence);
    let Ok(link) = shared.connect(&connect, &reader.stream) else { return };
    // The client sees why it ended by the closed connection; MQTT 3.1.1 has no packet to say it.
    let _ = converse(&mut reader, shared, &connect, link);
    shared.disconnect(&connect.client_id, link);
}

fn converse(reader: &mut PacketReader, shared: &Shared, connect: &Connect, link: u64) -> io::Result<()> {
    let id = connect.client_id.as_str();
    loop {
        match reader.next()? {
            Packet::Publish(publish) => take_message(&reader.stream, shared, &publish)?,
            Packet::PubAck(ack) => shared.with_session(id, link, |session| session.acknowledge(ack.pkid)),
            Packet::Subscribe(subscribe) => take_subscription(&reader.stream, shared, id, link, &subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                shared.with_session(id, link, |session| {
                    unsubscribe.topics.iter().for_each(|filter| session.unsubscribe(filter));
                });
                answer(&reader.stream, shared, &Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)))?;
            }
            Packet::PingReq => answer(&reader.stream, shared, &Packet::PingResp)?,
            Packet::Disconnect => return Ok(()),
            other => return Err(io::Error::other(format!("this broker does not speak {other:?}"))),
        }
    }
}

fn take_message(stream: &TcpStream, shared: &Shared, publish: &Publish) -> io::Result<()> {
    match publish.qos {
        QoS::AtMostOnce => shared.publish(publish),
        QoS::AtLeastOnce => {
            shared.publish(publish)?;
            answer(stream, shared, &Packet::PubAck(PubAck::new(publish.pkid)))
        }
        QoS::ExactlyOnce => Err(io::Error::other("QoS 2 is not supported")),
    }
}

fn take_subscription(stream: &TcpStream, shared: &Shared, id: &str, link: u64, subscribe: &Subscribe) {
    shared.with_session(id, link, |session| {
        let granted = subscribe.filters.iter().map(|filter| session.subscribe(&filter.path, filter.qos));
        let codes = granted.map(SubscribeReasonCode::Success).collect();
        // A failed write is seen again, and handled, by the next read.
        let _ = send(stream, &Packet::SubAck(SubAck::new(subscribe.pkid, codes)));
    });
}

/// Sends under the lock that also guards deliveries, so that two packets never mix on the wire.
fn answer(stream: &TcpStream, shared: &Shared, packet: &Packet) -> io::Result<()> {
    let _guard = shared.lock();
    send(stream, packet)
}

struct PacketReader {
    stream: TcpStream,
    bytes: BytesMut,
}

impl PacketReader {
    fn next(&mut self) -> io::Result<Packet> {
        loop {
            match Packet::read(&mut self.bytes, PACKET_BYTES_MAX) {
                Ok(packet) => return Ok(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            let mut chunk = [0; 4096];
            let length = self.stream.read(&mut chunk)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.bytes.extend_from_slice(&chunk[..length]);
        }
    }
}
