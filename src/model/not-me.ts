/** The path of the page on which recipients say that they did not request a code. Its links go on with `/` and a token. */
export const notMePath = "/not-me";

/** As `notMePath`, of the page on which the owner of a removed contact takes it back. */
export const takeBackPath = "/take-back";

/** How long a removed contact can be taken back. */
export const takeBackMs = 7 * 24 * 60 * 60_000;
