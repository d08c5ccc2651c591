//! A device: one MQTT connection that publishes at QoS 1 and waits for each acknowledgement.
//!
//! Waiting keeps the recorded order of arrival across devices, each of which has a connection of its own: the broker
//! acknowledges a message after it has queued it, so a message published later, by any device, is queued later.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use bytes::BytesMut;
use rumqttc::QoS;
use rumqttc::mqttbytes::Error;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Packet, Publish};

use crate::broker::PACKET_BYTES_MAX;

/// How long the broker may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A connected device.
#[derive(Debug)]
pub struct Device {
    stream: TcpStream,
    received: BytesMut,
    topic: String,
    last_packet_id: u16,
}

impl Device {
    /// Connects to a broker as `name`; messages go to `site/<name>/reading`.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses the connection.
    pub fn connect(address: SocketAddr, name: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let topic = format!("site/{name}/reading");
        let mut device = Self { stream, received: BytesMut::new(), topic, last_packet_id: 0 };
        let mut connect = Connect::new(name);
        // No keep-alive: between two messages of a slowly played recording the device has nothing to say.
        connect.keep_alive = 0;
        device.send(&Packet::Connect(connect))?;
        match device.receive()? {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => Ok(device),
            other => Err(io::Error::other(format!("the broker answered CONNECT with {other:?}"))),
        }
    }

    /// Publishes at QoS 1 and returns when the broker has taken the message over.
    ///
    /// # Errors
    /// When the connection fails before the acknowledgement; the broker may or may not have the message.
    pub fn publish(&mut self, payload: &str) -> io::Result<()> {
        self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
        let mut publish = Publish::new(self.topic.as_str(), QoS::AtLeastOnce, payload);
        publish.pkid = self.last_packet_id;
        self.send(&Packet::Publish(publish))?;
        match self.receive()? {
            Packet::PubAck(ack) if ack.pkid == self.last_packet_id => Ok(()),
            other => Err(io::Error::other(format!("the broker answered PUBLISH with {other:?}"))),
        }
    }

    fn send(&mut self, packet: &Packet) -> io::Result<()> {
        let mut bytes = BytesMut::with_capacity(256);
        packet.write(&mut bytes, PACKET_BYTES_MAX).map_err(io::Error::other)?;
        self.stream.write_all(&bytes)
    }

    fn receive(&mut self) -> io::Result<Packet> {
        loop {
            match Packet::read(&mut self.received, PACKET_BYTES_MAX) {
                Ok(packet) => return Ok(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            let mut chunk = [0; 1024];
            let length = self.stream.read(&mut chunk)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.received.extend_from_slice(&chunk[..length]);
        }
    }
}
