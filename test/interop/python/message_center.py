"""A message center on smpp.twisted3 and smpplib. Prints one JSON object a line: its port, binds, messages and acknowledgements.

Commands on the standard input, one JSON object a line: {"receipt": id, "stat": "DELIVRD"} sends a receipt.
"""

import json
import sys

from smpplib.gsm import GSM_CHARACTER_TABLE
from smpp.pdu.operations import DeliverSM
from smpp.pdu.pdu_types import (
    AddrNpi,
    AddrTon,
    CommandStatus,
    EsmClass,
    EsmClassMode,
    EsmClassType,
)
from smpp.pdu.sm_encoding import SMStringEncoder
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import SMPPServerFactory
from twisted.cred import error
from twisted.internet import defer, reactor, stdio
from twisted.protocols.basic import LineReceiver


# smpp.pdu3 prints for itself.
output, sys.stdout = sys.stdout, sys.stderr


def say(**fields):
    print(json.dumps(fields), file=output, flush=True)


def gsm_text(octets):
    text, escaped = "", False
    for octet in octets:
        if octet == 0x1B:
            escaped = True
            continue
        text += GSM_CHARACTER_TABLE[octet + 0x80 if escaped else octet]
        escaped = False
    return text


encoder = SMStringEncoder()
messages = 0


def plain(value):
    return value.decode() if isinstance(value, bytes) else value


def take(system_id, smpp, pdu):
    """Called for each submit_sm. Refuses numbers that end in 999."""
    global messages
    destination = plain(pdu.params["destination_addr"])
    if destination.endswith("999"):
        return CommandStatus.ESME_RINVDSTADR
    messages += 1
    message_id = f"py-{messages}"
    _, udh, octets = encoder.splitSM(pdu)
    coding = pdu.params["data_coding"].schemeData.name
    joined = encoder.getConcatenatedSMInfoElement(pdu)
    say(
        id=message_id,
        to=destination,
        toTon=pdu.params["dest_addr_ton"].name,
        source=plain(pdu.params["source_addr"]),
        sourceTon=pdu.params["source_addr_ton"].name,
        receipt=pdu.params["registered_delivery"].receipt.name,
        validity=str(pdu.params["validity_period"]),
        coding=coding,
        text=octets.decode("utf-16-be") if coding == "UCS2" else gsm_text(octets),
        part=[joined.data.referenceNum, joined.data.maximumNum, joined.data.sequenceNum] if joined else None,
    )
    return DataHandlerResponse(status=CommandStatus.ESME_ROK, message_id=message_id.encode())


class Commands(LineReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        command = json.loads(line)
        text = f"id:{command['receipt']} sub:001 dlvrd:001 submit date:2601051000 done date:2601051001 stat:{command['stat']} err:000 text:"
        receipt = DeliverSM(
            source_addr=b"14155550132",
            destination_addr=b"Latchkey",
            source_addr_ton=AddrTon.INTERNATIONAL,
            source_addr_npi=AddrNpi.ISDN,
            dest_addr_ton=AddrTon.ALPHANUMERIC,
            dest_addr_npi=AddrNpi.UNKNOWN,
            esm_class=EsmClass(EsmClassMode.DEFAULT, EsmClassType.SMSC_DELIVERY_RECEIPT),
            short_message=text.encode(),
        )
        binding = factory.getBoundConnections("latchkey").getNextBindingForDelivery()
        sent = binding.sendDataRequest(receipt)
        sent.addCallback(lambda result: say(acknowledged=command["receipt"], status=result.response.status.name))
        sent.addErrback(lambda failure: say(acknowledged=command["receipt"], status=failure.getErrorMessage()))

    def connectionLost(self, reason):
        reactor.stop()


class Portal:
    """Compares texts: the server hands the login over as such."""

    def login(self, credentials, mind, *interfaces):
        if (credentials.username, credentials.password) != ("latchkey", "s3cretpw"):
            return defer.fail(error.UnauthorizedLogin())
        say(bound=credentials.username)
        return defer.succeed((interfaces[0], credentials.username, lambda: None))


config = SMPPServerConfig(systems={"latchkey": {"max_bindings": 1}}, msgHandler=take)
factory = SMPPServerFactory(config, auth_portal=Portal())
stdio.StandardIO(Commands())
listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
say(port=listening.getHost().port)
reactor.run()
