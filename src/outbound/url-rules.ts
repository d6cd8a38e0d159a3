const lengthMax = 512;

/**
 * Returns why an operator can't configure a URL, or null. It judges the form alone. Descriptions continue after the name of the
 * field and never repeat the URL, because its path or query may hold a secret.
 */
export function urlProblem(text: string): string | null {
  if (text.length > lengthMax) return `must be at most ${lengthMax} characters long`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:") || url.port === "0") {
    return "must be an https URL such as https://hooks.example.com/registration";
  }
  if (url.username !== "" || url.password !== "") return "must have no user and no password: remove them";
  if (text.includes("#")) return "must have no fragment: remove everything from # on";
  // The normal form has one way to write an address, so none is hidden in decimal, octal or hexadecimal.
  if (url.href !== text && url.href !== `${text}/`) {
    return "must be in the normal form of URLs: a host in lower case or a dotted address, no default port, no spaces, and no .. in the path";
  }
  return null;
}
