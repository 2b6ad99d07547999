import { ParleyClient } from '../../client/client.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { browserPlatform } from '../platform/browser-platform.ts';
import { Chat } from './chat.svelte.ts';

type Phase =
  | { readonly is: 'opening' }
  /** Nobody is enrolled in this browser. */
  | { readonly is: 'welcome'; readonly client: ParleyClient }
  | { readonly is: 'ready'; readonly chat: Chat }
  | { readonly is: 'broken'; readonly reason: ParleyError };

/** The app from its first moment: opens what this browser keeps, and leads to the chat, or to signing up. */
class App {
  #phase = $state.raw<Phase>({ is: 'opening' });

  get phase(): Phase {
    return this.#phase;
  }

  async open(): Promise<void> {
    try {
      const platform = await browserPlatform();
      const client = await ParleyClient.open(platform, { endpoints: null, fallback: [location.origin] });
      await this.enter(client);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      this.#phase = { is: 'broken', reason: error };
    }
  }

  /** Goes on as whoever is enrolled now. */
  async enter(client: ParleyClient): Promise<void> {
    try {
      const chat = await Chat.open(client);
      this.#phase = { is: 'ready', chat };
      void chat.run();
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== 'unauthenticated') throw error;
      this.#phase = { is: 'welcome', client };
    }
  }
}

export const app = new App();
