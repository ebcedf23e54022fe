/* A port to an STM32 on STM32Cube's HAL, such as a NUCLEO board. STM32CubeMX makes clocks, pins and
 * start-up; call tg_port_start() from its main() behind the MX_..._Init() calls.
 *
 * In STM32CubeMX: the USART that reaches the host (on NUCLEO boards that of the ST-LINK), named by
 * TG_UART below, 115200 baud, 8N1, its global interrupt enabled. SysTick stays the HAL's time base.
 */
#include "main.h"

#include "tg_harness.h"
#include "tg_port.h"
#include "tg_ring.h"

#ifndef TG_UART
#define TG_UART hlpuart1
#endif

extern UART_HandleTypeDef TG_UART;

static tg_ring received;
static uint8_t incoming;

static void receive_next(void)
{
    (void)HAL_UART_Receive_IT(&TG_UART, &incoming, 1);
}

void HAL_UART_RxCpltCallback(UART_HandleTypeDef *huart)
{
    (void)huart;
    tg_ring_put(&received, incoming);
    receive_next();
}

/* An overrun ends the reception; the host sends the damaged command again. */
void HAL_UART_ErrorCallback(UART_HandleTypeDef *huart)
{
    (void)huart;
    receive_next();
}

int tg_port_read(void)
{
    uint8_t byte;
    while (!tg_ring_get(&received, &byte)) {
    }
    return byte;
}

/* Not HAL_UART_Transmit(): its lock would keep the interrupt from receiving on. */
void tg_port_write(uint8_t byte)
{
    while (!__HAL_UART_GET_FLAG(&TG_UART, UART_FLAG_TXE)) {
    }
#ifdef USART_TDR_TDR
    TG_UART.Instance->TDR = byte;
#else /* STM32F1, F2, F4, L1 */
    TG_UART.Instance->DR = byte;
#endif
}

uint64_t tg_port_microseconds(void)
{
    uint32_t before;
    uint32_t left;
    do { /* again where a millisecond ended in between */
        before = HAL_GetTick();
        left = SysTick->VAL;
    } while (before != HAL_GetTick());
    return (uint64_t)before * 1000u + (SysTick->LOAD - left) / (SystemCoreClock / 1000000u);
}

void tg_port_start(void)
{
    receive_next();
    tg_run();
}
