/**
 * Names on one line: without what would end a line, be invisible, or turn the reading direction of what stands around
 * them (control and bidi formatting characters, Unicode categories Cc and Cf but for the joiners that emoji need).
 */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').replaceAll(/(?![\u200c\u200d])\p{Cf}/gu, '');
}
