import { ParleyError } from '../protocol/errors.ts';
import { OddAnswer } from './answers.ts';
import { problemIn } from './api-client.ts';
import type { BlobId, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';

/** A node that sends nothing for so long is given up. */
const SILENT_MS_MAX = 11_000;

/**
 * The ciphertext of a file from `fromByte` on, from the node that is asked at the moment, as it comes.
 * @throws ParleyError what the node refuses it with; `cannot_connect` when it falls silent or answers oddly
 */
export async function* blobStream(
  context: ClientContext,
  file: { readonly room: RoomId; readonly blob: BlobId; readonly fromByte: number },
  deadlineMs: number,
): AsyncGenerator<Uint8Array> {
  const { api, session, platform } = context;
  const token = await session.token(deadlineMs);
  const endpoint = api.endpoint;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENT_MS_MAX);
  try {
    const response = await platform.fetch(`${endpoint}/v1/rooms/${file.room}/blobs/${file.blob}`, {
      headers: {
        authorization: `Bearer ${token}`,
        ...(file.fromByte === 0 ? {} : { range: `bytes=${file.fromByte}-` }),
      },
      redirect: 'error',
      signal: silence.signal,
    });
    if (!response.ok) throw problemIn(JSON.parse(await response.text()));
    // Without the part that was asked for, what comes stands elsewhere.
    if (response.status !== (file.fromByte === 0 ? 200 : 206)) throw new OddAnswer();
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS_MAX);
      yield value;
    }
  } catch (cause) {
    if (cause instanceof ParleyError) {
      if (await session.gaveUp(token, cause.code, deadlineMs)) {
        throw new ParleyError('cannot_connect', 'The session was renewed: ask again.', { cause });
      }
      throw cause;
    }
    throw new ParleyError('cannot_connect', `${endpoint} does not send the file.`, { cause });
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}
