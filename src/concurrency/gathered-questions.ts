import { SharedQuestions } from './shared-question.ts';

/** Asks about all the items at once. */
export type AskAbout<Key, Item, Answer> = (key: Key, items: readonly Item[]) => Promise<ReadonlyMap<Item, Answer>>;

/** Items asked about while others are under way go together: a thousand tasks of a cluster that end at once are ten calls. */
export class GatheredQuestions<Key, Item, Answer> {
  readonly #wanted = new Map<Key, Set<Item>>();
  readonly #question: SharedQuestions<Key, ReadonlyMap<Item, Answer>>;

  /** `everyMs`: as in SharedQuestion. */
  constructor(askAbout: AskAbout<Key, Item, Answer>, everyMs = 0) {
    this.#question = new SharedQuestions((key) => {
      const items = [...(this.#wanted.get(key) ?? [])];
      this.#wanted.delete(key);
      return askAbout(key, items);
    }, everyMs);
  }

  /** The answer holds what was asked for, and what others asked for along with it. Fails as `askAbout` does. */
  async ask(key: Key, items: readonly Item[]): Promise<ReadonlyMap<Item, Answer>> {
    if (items.length === 0) return new Map();
    const wanted = this.#wanted.get(key) ?? new Set<Item>();
    this.#wanted.set(key, wanted);
    for (const item of items) wanted.add(item);
    return await this.#question.ask(key);
  }
}
