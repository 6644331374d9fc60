/** Chance that a seed decides. */

/** A stream of numbers that is the same for the same seed, everywhere. */
export interface Random {
  /** 0 to below 1. */
  number(): number;
  /** A whole number of 0 to below `count`. */
  below(count: number): number;
  /** A whole number of `least` to `most`. */
  between(least: number, most: number): number;
  /** Whether something of this probability happens. */
  chance(probability: number): boolean;
  /** One of several. */
  pick<T>(choices: readonly T[]): T;
  /** A stream of its own, so that more draws here move none there. */
  fork(): Random;
}

/** Begins a stream: sfc32, its state filled by splitmix32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const fill = () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  let a = fill(), b = fill(), c = fill(), counter = 1;

  function number(): number {
    const drawn = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + drawn | 0;
    return (drawn >>> 0) / 2 ** 32;
  }
  for (let i = 0; i < 12; i++) number();

  return {
    number,
    below: (count) => Math.floor(number() * count),
    between: (least, most) =>
      least + Math.floor(number() * (Math.floor(most) - least + 1)),
    // Nothing is drawn for what never happens: a mix without it stays the same.
    chance: (probability) => probability > 0 && number() < probability,
    pick: (choices) => choices[Math.floor(number() * choices.length)],
    fork: () => createRandom(Math.floor(number() * 2 ** 32)),
  };
}

/** A random UUID, version 4. */
export function randomUuid(random: Random): string {
  const hex = (digits: number) =>
    Math.floor(random.number() * 16 ** digits).toString(16)
      .padStart(digits, "0");
  const variant = "89ab"[random.below(4)];
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(12)}`;
}
