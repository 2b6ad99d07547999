import type { Dice } from './dice.ts';
import { damaged } from './values.ts';
import type { HttpInput } from './http-inputs.ts';

/** A request as bytes of which HTTP itself may not make sense: damaged anywhere, cut short, or with lengths that lie. */
export function rawBytes({ method, path, headers, body }: HttpInput, dice: Dice): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: h',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const bytes = Buffer.byteLength(body ?? '');
  if (dice.oneIn(4))
    lines.push(dice.pick(['transfer-encoding: chunked', 'content-length: -1', `content-length: ${bytes}`]));
  lines.push(`content-length: ${dice.oneIn(5) ? dice.below(10_000) : bytes}`);
  if (dice.oneIn(8)) lines.push('connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13');
  const text = `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
  const sent = dice.oneIn(2) ? damaged(text, dice) : text;
  const whole = Buffer.from(sent, dice.oneIn(10) ? 'utf16le' : 'utf8');
  return dice.oneIn(4) ? whole.subarray(0, dice.below(whole.length + 1)) : whole;
}
