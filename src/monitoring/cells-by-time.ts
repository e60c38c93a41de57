import { addSummary, addValue, type Cell, emptyCell, mergeCell, periodOf } from './cell.ts';
import type { MetricDatum, Period, PeriodQuery } from './metric.ts';

/** What was observed of metrics, by their ids, units and times. */
export class CellsByTime {
  readonly #cells = new Map<number, Map<string, Map<number, Cell>>>();
  #size = 0;

  /** How much there is: one for each cell, and for each value that was added. */
  get size(): number {
    return this.#size;
  }

  add(id: number, { unit, timeMs, observed }: MetricDatum): void {
    const cell = this.cell(id, unit, timeMs);
    if ('sampleCount' in observed) addSummary(cell, observed);
    else for (const [value, count] of observed) addValue(cell, value, count);
    if (!('sampleCount' in observed) && observed.length > 1) this.#size += observed.length;
  }

  /** The cell of a time, made if there is none. */
  cell(id: number, unit: string, timeMs: number): Cell {
    let units = this.#cells.get(id);
    if (units === undefined) {
      units = new Map();
      this.#cells.set(id, units);
    }
    let times = units.get(unit);
    if (times === undefined) {
      times = new Map();
      units.set(unit, times);
    }
    let cell = times.get(timeMs);
    if (cell === undefined) {
      cell = emptyCell();
      times.set(timeMs, cell);
      this.#size++;
    }
    return cell;
  }

  /** Removes those of times before. */
  removeBefore(ms: number): void {
    for (const units of this.#cells.values()) {
      for (const times of units.values()) {
        for (const timeMs of times.keys()) {
          if (timeMs >= ms) continue;
          times.delete(timeMs);
          this.#size--;
        }
      }
    }
  }

  *entries(): Generator<{ readonly id: number; readonly unit: string; readonly timeMs: number; readonly cell: Cell }> {
    for (const [id, units] of this.#cells) {
      for (const [unit, times] of units) {
        for (const [timeMs, cell] of times) yield { id, unit, timeMs, cell };
      }
    }
  }

  /** Counts those of one metric that a query asks for into its periods. */
  countInto(periods: PeriodCells, id: number): void {
    for (const [unit, times] of this.#cells.get(id) ?? []) {
      if (periods.query.unit !== undefined && periods.query.unit !== unit) continue;
      for (const [timeMs, cell] of times) periods.count(timeMs, cell);
    }
  }
}

/** The periods of a query, while what was observed is counted into them. */
export class PeriodCells {
  readonly query: PeriodQuery;
  readonly #cells = new Map<number, Cell>();

  constructor(query: PeriodQuery) {
    this.query = query;
  }

  /** Counts a cell in; overlooks one outside of the query's time. */
  count(timeMs: number, cell: Cell): void {
    const startMs = this.#periodAt(timeMs);
    if (startMs === undefined) return;
    let into = this.#cells.get(startMs);
    if (into === undefined) {
      into = emptyCell();
      this.#cells.set(startMs, into);
    }
    mergeCell(into, cell);
  }

  /** The same, of a cell that nobody else has, and that need not be copied. */
  take(timeMs: number, cell: Cell): void {
    const startMs = this.#periodAt(timeMs);
    if (startMs !== undefined && !this.#cells.has(startMs)) this.#cells.set(startMs, cell);
    else this.count(timeMs, cell);
  }

  #periodAt(timeMs: number): number | undefined {
    const { fromMs, toMs, periodSeconds } = this.query;
    if (timeMs < fromMs || timeMs >= toMs) return undefined;
    return timeMs - ((timeMs - fromMs) % (periodSeconds * 1000));
  }

  inOrder(): Period[] {
    const { summariesOnly } = this.query;
    return [...this.#cells]
      .sort(([a], [b]) => a - b)
      .map(([startMs, cell]) => periodOf(startMs, summariesOnly ? { ...cell, spread: null } : cell));
  }
}
