// What the report needs of Apache ECharts: tools/vendor_echarts.py bundles this, and no more.
import { init, graphic, use } from "echarts/core";
import { CustomChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";

use([CustomChart, GridComponent, CanvasRenderer]);

export { init, graphic };
