/** Events that are to come, the earliest first. */
/** Who an event belongs to; it does not happen to the dead, and waits for the frozen. */
export interface Owner {
  readonly isDead: boolean;
  readonly isFrozen: boolean;
  /** Takes an event that has to wait. */
  hold(event: WorldEvent): void;
}

/** Something that will happen. */
export interface WorldEvent {
  at: number;
  /** Decides among events of the same time. */
  order: number;
  serial: number;
  readonly owner: Owner | undefined;
  readonly run: () => void;
  readonly kind: EventKind;
  isCancelled: boolean;
}

/** Code runs after a timer and an answer; what only touches the store needs no hop. */
export type EventKind = "timer" | "answer" | "silent";

/** A queue of events. */
export interface EventQueue {
  push(event: WorldEvent): void;
  peek(): WorldEvent | undefined;
  /** Drops the earliest. */
  pop(): void;
  clear(): void;
  count(is: (event: WorldEvent) => boolean): number;
}

/** Makes a queue: a heap. */
export function createQueue(): EventQueue {
  const heap: WorldEvent[] = [];
  return {
    peek: (): WorldEvent | undefined => heap[0],
    clear: () => void heap.splice(0),
    count: (is: (event: WorldEvent) => boolean) => heap.filter(is).length,

    push(event: WorldEvent) {
      let i = heap.push(event) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!isBefore(event, heap[parent])) break;
        heap[i] = heap[parent];
        i = parent;
      }
      heap[i] = event;
    },

    pop() {
      const last = heap.pop();
      if (last === undefined || heap.length === 0) return;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (
          child + 1 < heap.length && isBefore(heap[child + 1], heap[child])
        ) child++;
        if (!isBefore(heap[child], last)) break;
        heap[i] = heap[child];
        i = child;
      }
      heap[i] = last;
    },
  };
}

function isBefore(a: WorldEvent, b: WorldEvent): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.order !== b.order ? a.order < b.order : a.serial < b.serial;
}
