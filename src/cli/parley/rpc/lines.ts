/** A line of input, or that there was one longer than allowed, which was passed over. */
export type InputLine = { readonly text: string } | { readonly tooLong: true };

const NEWLINE = 0x0a;

/** Splits what comes in into lines, of which none takes more than `bytesMax` of memory. */
export async function* linesOf(input: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<InputLine> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const take = (part: Uint8Array): void => {
    bytes += part.length;
    if (bytes > bytesMax) parts = [];
    else parts.push(part);
  };
  const finish = (): InputLine => {
    const line: InputLine = bytes > bytesMax ? { tooLong: true } : { text: Buffer.concat(parts).toString('utf8') };
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of input) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      yield finish();
    }
    take(chunk.subarray(from));
  }
  if (bytes > 0) yield finish();
}
