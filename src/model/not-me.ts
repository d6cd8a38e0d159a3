/** The path of the page on which recipients say that they did not request a code. Its links go on with `/` and a token. */
export const notMePath = "/not-me";
