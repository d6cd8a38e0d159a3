/**
 * Whether the phones of a country take SMS from a name ("alphanumeric sender id").
 *
 * Sources:
 * - A: "Supported Regions and countries" of the Amazon SNS guide, as archived in 2023:
 *   https://github.com/awsdocs/amazon-sns-developer-guide/blob/09c315366915637a4368d3bd0479b284aba02ec8/doc_source/sns-supported-regions-countries.md
 * - T: "International support for Alphanumeric Sender ID" of Twilio (https://help.twilio.com/articles/223133767), as copied in 2017:
 *   https://github.com/eGullGolf/countries-alphanumeric-sms-sender-support/tree/287ce1e2795b13fe615527eb94e836cb8903b4ec/data
 * - V: "International Sender Id Policies" of another vendor:
 *   https://github.com/vasavi168/docs/blob/0190d281de5c0b1b834caf1a5610282aa2727b65/help/sender_policies.md
 * - AU: https://www.infobip.com/docs/essentials/australia-registration/australia-sms-alphanumeric-sender-id-registration
 * - SG: https://docs.aws.amazon.com/sns/latest/dg/sns-settings-register-company.html
 * - CN: https://docs.aws.amazon.com/sms-voice/latest/userguide/sender-id.html
 * - PR: https://developers.telnyx.com/docs/messaging/messages/alphanumeric-sender-id
 * - AS, GU, VI: https://docs.amazonaws.cn/en_us/sns/latest/dg/sns-supported-regions-countries.html
 * - AM: https://api.support.vonage.com/hc/en-us/articles/360038786572-Armenia-SMS-Features-and-Restrictions, as copied in 2024:
 *   https://github.com/whaleal/guide/blob/461bd15811401144368284c97411ea72c5ff1245/zh/JMC/5.SenderID.md
 *
 * Rules change often, and the lists are old. Countries that are not listed here are unknown: A and T disagree on them or leave them
 * out. Where V alone names a number, such as in France, A and T count, because a number is then V's choice.
 */
export type SenderSupport = "allowed" | "registered" | "forbidden" | "unknown";

const countries: Readonly<Record<Exclude<SenderSupport, "unknown">, string>> = {
  // A and T take names without a condition, and no source asks for a registration.
  allowed:
    "AD AG AI AL AO AT AW BB BF BG BH BI BJ BM BN BO BS BT BW BZ CF CH CK CM CV DE DJ DK DM EE ES FI FJ FO FR GA GB GD GI GL GM GN " +
    "GP GQ GR GW GY HK HT IE IL IS IT JM KH KM LB LI LR LS LT LU LV LY MD ME MG MK MN MO MQ MR MT MU MV MW NC NE NL NO PG PL PT " +
    "PY RE RS RW SB SC SE SI SL SN SO SR SS ST SZ TC TD TG TJ TM TO TT UA UG UZ VG VU WS YE ZM ZW",
  // One of the sources says that a name must be registered with the carriers of the country first.
  registered: "AE AM AU BA BY CU CY EG GE HR ID IN IQ JO KE KW KZ LK MA MS NG NP OM PH QA RO RU SA SG SK SY TH TZ VN",
  // A and T take no names and V replaces them, or the country's own source says so.
  forbidden: "AR AS BE BR CA CL CN CO CR DO EC GF GU HU KR MX MY NZ PA PR TW US UY VI ZA",
};

const supportOf = new Map(
  Object.entries(countries).flatMap(([support, codes]) => codes.split(" ").map((code) => [code, support as SenderSupport])),
);

/** Returns what is known about names as senders in a country: an ISO 3166-1 alpha-2 code, or null for a number of no country. */
export function senderSupport(country: string | null): SenderSupport {
  return (country === null ? undefined : supportOf.get(country)) ?? "unknown";
}
