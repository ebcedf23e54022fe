/* A port to a Renesas RA board such as the EK-RA6M4, on the Flexible Software Package (FSP) 3 or
 * later. Its configurator makes clocks, pins and start-up; this file is src/hal_entry.c.
 *
 * In the configurator:
 *   - a stack "UART (r_sci_uart)" named g_uart on the pins that reach the host, 115200 baud, 8N1,
 *     callback uart_callback, all interrupt priorities set;
 *   - heap and RTOS: none.
 */
#include "hal_data.h"

#include "tg_harness.h"
#include "tg_port.h"
#include "tg_ring.h"

static tg_ring received;
static volatile bool is_sent;

void uart_callback(uart_callback_args_t *p_args)
{
    if (p_args->event == UART_EVENT_RX_CHAR) {
        tg_ring_put(&received, (uint8_t)p_args->data);
    } else if (p_args->event == UART_EVENT_TX_COMPLETE) {
        is_sent = true;
    }
}

int tg_port_read(void)
{
    uint8_t byte;
    while (!tg_ring_get(&received, &byte)) {
    }
    return byte;
}

void tg_port_write(uint8_t byte)
{
    is_sent = false;
    if (R_SCI_UART_Write(&g_uart_ctrl, &byte, 1) == FSP_SUCCESS) {
        while (!is_sent) {
        }
    }
}

/* SysTick is free in a project without an RTOS. */
static volatile uint32_t milliseconds;

void SysTick_Handler(void)
{
    milliseconds = milliseconds + 1u;
}

uint64_t tg_port_microseconds(void)
{
    uint32_t before;
    uint32_t left;
    do { /* again where a millisecond ended in between */
        before = milliseconds;
        left = SysTick->VAL;
    } while (before != milliseconds);
    return (uint64_t)before * 1000u + (SysTick->LOAD - left) / (SystemCoreClock / 1000000u);
}

void hal_entry(void)
{
    SysTick_Config(SystemCoreClock / 1000u);
    if (R_SCI_UART_Open(&g_uart_ctrl, &g_uart_cfg) == FSP_SUCCESS) {
        tg_run();
    }
}
