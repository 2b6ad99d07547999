import { loadOpaquePerson } from '../../client/opaque.ts';
import type { OpaqueAnswer, OpaqueCall } from '../platform/opaque-calls.ts';

/** Computes with passwords beside the page: Argon2 takes a third of a second, in which the page could not draw. */
const worker = self as unknown as DedicatedWorkerGlobalScope;

worker.addEventListener('message', ({ data }: MessageEvent<OpaqueCall>) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Only the page that began it hears it.
  void answer(data).then((reply) => worker.postMessage(reply));
});

async function answer({ id, method, args }: OpaqueCall): Promise<OpaqueAnswer> {
  try {
    const opaque = await loadOpaquePerson();
    const compute = opaque[method] as (...given: OpaqueCall['args']) => unknown;
    return { id, result: compute(...args) };
  } catch (error) {
    return { id, failure: String(error) };
  }
}
