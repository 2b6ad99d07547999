import { en } from './en.ts';

/** Every text of the app, in the language it is shown in. */
export type Catalogue = typeof en;

export const t: Catalogue = en;
