"use strict";
// A forecast: what came before, what is expected with its intervals, what happened, and the baselines.

const asNumbers = (values) => values.map((value) => (value === null ? NaN : value));

const forecastLines = (output) => {
  const from = output.past.length;
  const later = output.future.map((_, at) => from + at);
  const line = (name, values, role, at) => ({ name, values: asNumbers(values), at, role });
  return [
    line(say("forecast.past"), output.past_values, "actual", output.past.map((_, at) => at)),
    ...(output.happened ? [line(say("forecast.happened"), output.happened, "actual dashed", later)] : []),
    line(say("forecast.median"), output.median, "c1", later),
    ...Object.entries(output.baselines).map(([name, values]) =>
      line(sayOr(`baseline.${name}`, name), values, "baseline", later)),
  ];
};

const forecastOutput = (element, pane, find) => {
  const title = html("h3");
  const chart = lineChart(pane, { side: () => 0, height: 260, label: say("output.forecast") });
  const table = numbersTable(pane, () => forecastTable(find()));
  element.append(title, chart.element, table.element);
  return (changed) => {
    const output = find();
    const from = output.past.length;
    const later = output.future.map((_, at) => from + at);
    title.textContent = say("forecast.title", { series: output.series });
    chart.draw({
      labels: [...output.past, ...output.future],
      lines: forecastLines(output),
      bands: output.bands.map(([level, low, high]) => ({
        name: say("forecast.band", { level: percent(level) }), low, high, at: later,
      })),
      marker: output.step_of.indexOf(pane.steps[0]),
      stepOf: (at) => output.step_of[at] ?? null,
    });
    table.draw(changed);
  };
};

const forecastTable = (output) => {
  const from = output.past.length;
  const names = [say("forecast.value"), say("forecast.median"),
    ...output.bands.flatMap(([level]) => [`${percent(level)} ↓`, `${percent(level)} ↑`]),
    ...Object.keys(output.baselines).map((name) => sayOr(`baseline.${name}`, name))];
  const later = (values, at) => (at < from ? NaN : values[at - from] ?? NaN);
  return {
    columns: [say("forecast.date"), ...names],
    count: from + output.future.length,
    label: (at) => (at < from ? output.past[at] : output.future[at - from]),
    row: (at) => [(at < from ? output.past_values[at] : output.happened?.[at - from]) ?? NaN, later(output.median, at),
      ...output.bands.flatMap(([, low, high]) => [later(low, at), later(high, at)]),
      ...Object.values(output.baselines).map((values) => later(values, at))],
  };
};
