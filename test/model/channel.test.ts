import { describe, expect, it } from "vitest";
import { type Channel, channelAmong, channels, contactKindOf, reaches } from "../../src/model/channel.js";
import { defaultChannelFor } from "../../src/model/identifier.js";

describe("the channel that is taken if none is named", () => {
  it.each<[readonly Channel[], Channel]>([
    [channels, "sms"],
    [["voice", "sms"], "sms"],
    [["email", "voice"], "voice"],
    [["whatsapp", "voice"], "whatsapp"],
    [["email"], "sms"],
  ])("of %j for a phone number is %s", (allowed, channel) => {
    expect(channelAmong(allowed, "phone")).toBe(channel);
    const phone = { kind: "phone", value: "+46701234567" } as const;
    expect(defaultChannelFor({ channels: allowed, defaultChannel: null }, phone)).toBe(channel);
  });

  it("for an e-mail address is e-mail, whatever the app prefers", () => {
    const email = { kind: "email", value: "ada@example.com" } as const;
    expect(defaultChannelFor({ channels, defaultChannel: "voice" }, email)).toBe("email");
  });

  it("for a username is the one that the app prefers, then e-mail, then one that reaches phones", () => {
    const username = { kind: "username", value: "ada" } as const;
    expect(defaultChannelFor({ channels, defaultChannel: "voice" }, username)).toBe("voice");
    expect(defaultChannelFor({ channels, defaultChannel: null }, username)).toBe("email");
    expect(defaultChannelFor({ channels: ["voice"], defaultChannel: null }, username)).toBe("voice");
  });
});

it("a kind of contact is reached by its own channels alone", () => {
  for (const channel of channels) {
    const reached = (["email", "phone"] as const).filter((kind) => reaches([channel], kind));
    expect(reached).toEqual([contactKindOf[channel]]);
  }
});
