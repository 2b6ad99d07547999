// oxlint-disable-next-line import/default -- Vite makes it: the address of the worker as it is built.
import workerPath from '../worker/opaque-worker.ts?worker&url';
import { scriptAddress } from './trusted-script.ts';
import type { OpaqueAway, OpaquePerson } from '../../client/opaque.ts';
import type { OpaqueAnswer, OpaqueCall } from './opaque-calls.ts';

/** OPAQUE in a worker, which is begun when a password is needed first. */
export async function loadOpaqueInWorker(): Promise<OpaqueAway> {
  running ??= new OpaqueWorker();
  return running.person;
}

let running: OpaqueWorker | null = null;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: Error) => void;
}

class OpaqueWorker {
  readonly person: OpaqueAway;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor() {
    this.#worker = new Worker(scriptAddress(workerPath), { type: 'module' });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<OpaqueAnswer>) => this.#answered(data));
    this.#worker.addEventListener('error', () => this.#failed());
    const away = <K extends keyof OpaquePerson>(method: K): OpaqueAway[K] =>
      ((...args: readonly unknown[]) => this.#call({ id: ++this.#calls, method, args })) as OpaqueAway[K];
    this.person = {
      startRegistration: away('startRegistration'),
      finishRegistration: away('finishRegistration'),
      startLogin: away('startLogin'),
      finishLogin: away('finishLogin'),
    };
  }

  #call(call: OpaqueCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(call.id, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A worker has no origin but its page's.
      this.#worker.postMessage(call);
    });
  }

  #answered(answer: OpaqueAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('failure' in answer) waiting?.reject(new Error(answer.failure));
    else waiting?.resolve(answer.result);
  }

  /** The worker could not be begun, or broke: the next call begins another. */
  #failed(): void {
    running = null;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Error('The worker for passwords failed.'));
    this.#waiting.clear();
  }
}
