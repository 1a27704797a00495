//! Where a client connects to: the forms of an address, and names with several addresses.

use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _};

use crate::client::{Client, ConnectError, Protocol};
use crate::rt::block_on;
use crate::suite::quick;
use crate::suite::receiver::Graphite;

#[test]
fn every_form_of_an_address_is_taken() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let address = graphite.address();
        let port = address.port();
        let text = format!("127.0.0.1:{port}");
        Client::connect(address).await.unwrap();
        Client::connect(text.as_str()).await.unwrap();
        Client::connect(&text).await.unwrap();
        Client::connect(text.clone()).await.unwrap();
        Client::connect(("127.0.0.1", port)).await.unwrap();
        Client::connect((String::from("127.0.0.1"), port)).await.unwrap();
        Client::connect((IpAddr::from(Ipv4Addr::LOCALHOST), port)).await.unwrap();
        Client::connect(("localhost", port)).await.unwrap();
        Client::connect(format!("localhost:{port}")).await.unwrap();
        graphite.reached(9).await;
    });
}

#[test]
fn addresses_that_make_no_sense_are_refused_clearly() {
    block_on(async {
        for (text, told) in [
            ("", "address \"\" has no host"),
            (":2003", "address \":2003\" has no host"),
            ("host:port", "port of address \"host:port\" is not a number from 1 to 65535"),
            ("host:0", "port of address \"host:0\" is not a number from 1 to 65535"),
            ("host:65536", "port of address \"host:65536\" is not a number from 1 to 65535"),
            ("ho st:2003", "host of address \"ho st:2003\" holds ' ' where it cannot stand"),
            ("[::1:2003", "host of address \"[::1:2003\" holds '[' where it cannot stand"),
        ] {
            let error = Client::connect(text).await.unwrap_err();
            assert!(matches!(error, ConnectError::Address(_)), "{text}: {error:?}");
            assert_eq!(error.to_string(), told);
            assert_eq!(Client::builder().connect_lazy(text).unwrap_err(), error);
        }
    });
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    block_on(async {
        let error = quick().connect("no-such-host.invalid:2003").await.unwrap_err();
        let text = error.to_string();
        let expected = "no connection came about: resolve no-such-host.invalid: ";
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(text.matches("no-such-host").count(), 1, "{text}");
    });
}

#[test]
fn a_refused_connection_is_named() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let error = quick().connect(graphite.address()).await.unwrap_err();
        let ConnectError::Unreachable(failure) = error else { panic!("{error:?}") };
        assert_eq!(failure.kind, io::ErrorKind::ConnectionRefused);
        assert!(failure.text.starts_with(&format!("connect to {}: ", graphite.address())));
    });
}

/// Without a port the protocol's own is used: seen in the error when nobody listens there.
#[test]
fn the_default_port_is_the_protocols() {
    block_on(async {
        for (protocol, port) in [(Protocol::Plaintext, 2003), (Protocol::Pickle, 2004)] {
            for (host, address) in
                [("127.0.0.9", format!("127.0.0.9:{port}")), ("::1", format!("[::1]:{port}"))]
            {
                let builder = quick().protocol(protocol).max_attempts(1);
                let Err(error) = builder.connect(host).await else {
                    // Somebody runs a Graphite here.
                    continue;
                };
                let text = error.to_string();
                let expected = format!("no connection came about: connect to {address}: ");
                assert!(text.starts_with(&expected), "{text}");
            }
        }
    });
}

#[test]
fn ipv6_addresses_are_hosts() {
    block_on(async {
        let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
            // This machine has no IPv6.
            return;
        };
        let port = listener.local_addr().unwrap().port();
        for address in
            [format!("[::1]:{port}"), SocketAddr::from((Ipv6Addr::LOCALHOST, port)).to_string()]
        {
            let client = Client::connect(address).await.unwrap();
            client.send(("six", 6, 1)).await.unwrap();
            let mut line = [0; 8];
            listener.accept().unwrap().0.read_exact(&mut line).unwrap();
            assert_eq!(&line, b"six 6 1\n");
        }
        Client::connect(("::1", port)).await.unwrap();
        Client::connect(("[::1]", port)).await.unwrap();
    });
}

/// On most systems `localhost` is `::1` first, where nobody listens here.
#[test]
fn every_address_of_a_name_is_tried() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let port = graphite.address().port();
        let several = ("localhost", port).to_socket_addrs().unwrap().count();
        let client = Client::connect(("localhost", port)).await.unwrap();
        client.send(("x", 1)).await.unwrap();
        graphite.received(1).await;
        assert_eq!(graphite.connections(), 1, "of {several} addresses");
    });
}
