// Made of src/delivery/mail/mjml/mail.mjml by `npm run generate:mail`. Do not edit.

/** HTML, escaped where it comes from a text. Without some of them, the part of the mail around them is left out. */
export interface Slots {
  readonly language: string;
  readonly direction: string;
  readonly subject: string;
  readonly accent: string;
  readonly start: string;
  readonly logo: string;
  readonly name: string;
  readonly code: string;
  readonly headline: string;
  readonly explanation: string;
  readonly validity: string;
  readonly warning: string;
  readonly link: string;
  readonly sentence: string;
  readonly label: string;
  readonly foot: string;
}

export function fillTemplate(slots: Slots): string {
  return `<!doctype html>
<html lang="${slots.language}" dir="${slots.direction}" xmlns="http://www.w3.org/1999/xhtml" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">
<head>
<title>${slots.subject}</title>
<!--[if !mso]><!-->
<meta http-equiv="X-UA-Compatible" content="IE=edge">
<!--<![endif]-->
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style type="text/css">
#outlook a { padding:0; }
body { margin:0;padding:0;-webkit-text-size-adjust:100%;-ms-text-size-adjust:100%; }
table, td { border-collapse:collapse;mso-table-lspace:0pt;mso-table-rspace:0pt; }
img { border:0;height:auto;line-height:100%; outline:none;text-decoration:none;-ms-interpolation-mode:bicubic; }
p { display:block;margin:13px 0; }
</style>
<!--[if mso]>
<noscript>
<xml>
<o:OfficeDocumentSettings>
<o:AllowPNG/>
<o:PixelsPerInch>96</o:PixelsPerInch>
</o:OfficeDocumentSettings>
</xml>
</noscript>
<![endif]-->
<!--[if lte mso 11]>
<style type="text/css">
.mj-outlook-group-fix { width:100% !important; }
</style>
<![endif]-->
<style type="text/css">
@media only screen and (min-width:480px) {
.mj-column-per-100 { width:100% !important; max-width: 100%; }
}
</style>
<style media="screen and (min-width:480px)">
.moz-text-html .mj-column-per-100 { width:100% !important; max-width: 100%; }
</style>
<style type="text/css">
@media only screen and (max-width:479px) {
table.mj-full-width-mobile { width: 100% !important; }
td.mj-full-width-mobile { width: auto !important; }
}
</style>
<style type="text/css">
:root { color-scheme: light dark; supported-color-schemes: light dark; }
h1, .break { overflow-wrap: anywhere; }
.small a { color: #1f2937; text-decoration: underline; }
@media (prefers-color-scheme: dark) {
body.page, .page > div { background-color: #0f1216 !important; }
.card td { background-color: #1b2027 !important; }
.text div, .text h1 { color: #e5e7eb !important; }
.text .code { color: #ffffff !important; }
.small div, .foot div { color: #aab2bd !important; }
.small a { color: #e5e7eb !important; }
.line p { border-top-color: #3d4650 !important; }
}
</style>
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
</head>
<body  class="page" style="word-spacing:normal;background-color:#f3f4f6;">
<div
aria-label="${slots.subject}" aria-roledescription="email" role="article" lang="${slots.language}" dir="${slots.direction}" style="word-spacing:normal;background-color:#f3f4f6;"
>
<!--[if mso | IE]><table align="center" border="0" cellpadding="0" cellspacing="0" class="" role="presentation" style="width:480px;" width="480" ><tr><td style="line-height:0px;font-size:0px;mso-line-height-rule:exactly;"><![endif]-->
<div  style="margin:0px auto;max-width:480px;">
<table
align="center" border="0" cellpadding="0" cellspacing="0" role="presentation" style="width:100%;"
>
<tbody>
<tr>
<td
style="direction:${slots.direction};font-size:0px;padding:24px 12px 0;text-align:center;"
>
<!--[if mso | IE]><table role="presentation" border="0" cellpadding="0" cellspacing="0"><tr><td class="card-outlook" style="vertical-align:top;width:456px;" ><![endif]-->
<div
class="mj-column-per-100 mj-outlook-group-fix card" style="font-size:0px;text-align:${slots.start};direction:${slots.direction};display:inline-block;vertical-align:top;width:100%;"
>
<table
border="0" cellpadding="0" cellspacing="0" role="presentation" width="100%" style="border-collapse:separate;"
>
<tbody>
<tr>
<td  style="background-color:#ffffff;border-radius:12px;vertical-align:top;border-collapse:separate;padding:28px 24px 20px;">
<table
border="0" cellpadding="0" cellspacing="0" role="presentation" style="border-radius:12px;border-collapse:separate;" width="100%"
>
<tbody>
${slots.accent === "" ? "" : `
<tr>
<td
align="${slots.start}" style="font-size:0px;padding:0 0 20px;word-break:break-word;"
>
<div
style="font-family:system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;font-size:16px;line-height:4px;text-align:${slots.start};color:#1f2937;"
><span style="display:inline-block;width:48px;height:4px;background-color:${slots.accent};font-size:0;">&#8203;</span></div>
</td>
</tr>
`}${slots.logo === "" ? "" : `
<tr>
<td
align="${slots.start}" style="font-size:0px;padding:0 0 20px;word-break:break-word;"
>
<table
border="0" cellpadding="0" cellspacing="0" role="presentation" style="border-collapse:collapse;border-spacing:0px;"
>
<tbody>
<tr>
<td  style="width:40px;">
<img
alt="${slots.name}" src="${slots.logo}" style="border:0;display:block;outline:none;text-decoration:none;height:auto;width:100%;font-size:13px;" width="40" height="auto"
/>
</td>
</tr>
</tbody>
</table>
</td>
</tr>
`}
<tr>
<td
align="${slots.start}" class="text break" style="font-size:0px;padding:0 0 14px;word-break:break-word;"
>
<div
style="font-family:system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;font-size:16px;line-height:1.5;text-align:${slots.start};color:#1f2937;"
><h1 style="margin:0;font-size:18px;font-weight:600;line-height:1.4;">
${slots.code === "" ? "" : `<span class="code" dir="ltr" style="display:block;margin:0 0 8px;font:700 34px/1.2 ui-monospace,'SF Mono',Menlo,Consolas,monospace;letter-spacing:0.1em;color:#111827;text-align:${slots.start};">${slots.code}</span> `}${slots.headline}
</h1></div>
</td>
</tr>
${slots.explanation === "" ? "" : `
<tr>
<td
align="${slots.start}" class="text break" style="font-size:0px;padding:0 0 14px;word-break:break-word;"
>
<div
style="font-family:system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;font-size:16px;line-height:1.5;text-align:${slots.start};color:#1f2937;"
>${slots.explanation}</div>
</td>
</tr>
`}${slots.validity === "" ? "" : `
<tr>
<td
align="${slots.start}" class="text" style="font-size:0px;padding:0 0 14px;word-break:break-word;"
>
<div
style="font-family:system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;font-size:16px;line-height:1.5;text-align:${slots.start};color:#1f2937;"
>${slots.validity}</div>
</td>
</tr>
`}
<tr>
<td
align="center" class="line" style="font-size:0px;padding:8px 0 16px;word-break:break-word;"
>
<p
style="border-top:solid 1px #e5e7eb;font-size:1px;margin:0px auto;width:100%;"
>
</p>
<!--[if mso | IE]><table align="center" border="0" cellpadding="0" cellspacing="0" style="border-top:solid 1px #e5e7eb;font-size:1px;margin:0px auto;width:408px;" role="presentation" width="408px" ><tr><td style="height:0;line-height:0;"> &nbsp;
</td></tr></table><![endif]-->
</td>
</tr>
${slots.warning === "" ? "" : `
<tr>
<td
align="${slots.start}" class="small" style="font-size:0px;padding:0 0 8px;word-break:break-word;"
>
<div
style="font-family:system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;font-size:14px;line-height:1.5;text-align:${slots.start};color:#4b5563;"
>${slots.warning}</div>
</td>
</tr>
`}${slots.link === "" ? "" : `
<tr>
<td
align="${slots.start}" class="small" style="font-size:0px;padding:0 0 8px;word-break:break-word;"
>
<div
style="font-family:system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;font-size:14px;line-height:1.5;text-align:${slots.start};color:#4b5563;"
>${slots.sentence}<br><a href="${slots.link}" style="color:#1f2937;text-decoration:underline;">${slots.label}</a></div>
</td>
</tr>
`}
</tbody>
</table>
</td>
</tr>
</tbody>
</table>
</div>
<!--[if mso | IE]></td></tr></table><![endif]-->
</td>
</tr>
</tbody>
</table>
</div>
<!--[if mso | IE]></td></tr></table><table align="center" border="0" cellpadding="0" cellspacing="0" class="" role="presentation" style="width:480px;" width="480" ><tr><td style="line-height:0px;font-size:0px;mso-line-height-rule:exactly;"><![endif]-->
<div  style="margin:0px auto;max-width:480px;">
<table
align="center" border="0" cellpadding="0" cellspacing="0" role="presentation" style="width:100%;"
>
<tbody>
<tr>
<td
style="direction:${slots.direction};font-size:0px;padding:16px 12px 24px;text-align:center;"
>
<!--[if mso | IE]><table role="presentation" border="0" cellpadding="0" cellspacing="0"><tr><td class="" style="vertical-align:top;width:456px;" ><![endif]-->
<div
class="mj-column-per-100 mj-outlook-group-fix" style="font-size:0px;text-align:${slots.start};direction:${slots.direction};display:inline-block;vertical-align:top;width:100%;"
>
<table
border="0" cellpadding="0" cellspacing="0" role="presentation" width="100%"
>
<tbody>
<tr>
<td  style="vertical-align:top;padding:0;">
<table
border="0" cellpadding="0" cellspacing="0" role="presentation" style="" width="100%"
>
<tbody>
<tr>
<td
align="center" class="foot break" style="font-size:0px;padding:0 12px;word-break:break-word;"
>
<div
style="font-family:system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;font-size:13px;line-height:1.5;text-align:center;color:#4b5563;"
>${slots.foot}</div>
</td>
</tr>
</tbody>
</table>
</td>
</tr>
</tbody>
</table>
</div>
<!--[if mso | IE]></td></tr></table><![endif]-->
</td>
</tr>
</tbody>
</table>
</div>
<!--[if mso | IE]></td></tr></table><![endif]-->
</div>
</body>
</html>
`;
}
