import { ParleyError } from '../protocol/errors.ts';
import { isPlainText } from '../protocol/plain-text.ts';

/** @returns the text. @throws ParleyError `invalid_field` unless it is one line of at most so many bytes of UTF-8 */
export function plainField(text: string, field: string, bytesMax: number): string {
  if (isPlainText(text, bytesMax)) return text;
  throw new ParleyError(
    'invalid_field',
    `${field}: one line of at most ${bytesMax} bytes, without control characters and those that turn the direction.`,
    { data: { field } },
  );
}
