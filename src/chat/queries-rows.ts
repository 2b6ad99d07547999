import type { StateReader } from './ports.ts';
import type { RowCodec } from './rows.ts';

export function readRow<Row>(reader: StateReader, key: string, codec: RowCodec<Row>): Row | undefined {
  const bytes = reader.get(key);
  return bytes === undefined ? undefined : codec.decode(bytes);
}
