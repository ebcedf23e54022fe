/* What ports/ra6m4.c uses of Renesas' Flexible Software Package and of CMSIS: declarations only, as
 * documented in the FSP user's manual, "UART (r_sci_uart)", and Arm's CMSIS-Core. */
#ifndef HAL_DATA_H
#define HAL_DATA_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { FSP_SUCCESS = 0, FSP_ERR_ASSERTION = 1 } fsp_err_t;
typedef enum { UART_EVENT_RX_COMPLETE = 1, UART_EVENT_TX_COMPLETE = 2, UART_EVENT_RX_CHAR = 4 } uart_event_t;
typedef struct {
    uint32_t channel;
    uart_event_t event;
    uint32_t data;
    void const *p_context;
} uart_callback_args_t;
typedef void uart_ctrl_t;
typedef struct { uint32_t open; } sci_uart_instance_ctrl_t;
typedef struct { uint8_t channel; } uart_cfg_t;

extern sci_uart_instance_ctrl_t g_uart_ctrl;
extern const uart_cfg_t g_uart_cfg;
fsp_err_t R_SCI_UART_Open(uart_ctrl_t *const p_api_ctrl, uart_cfg_t const *const p_cfg);
fsp_err_t R_SCI_UART_Write(uart_ctrl_t *const p_api_ctrl, uint8_t const *const p_src, uint32_t const bytes);
void uart_callback(uart_callback_args_t *p_args);
void hal_entry(void);

typedef struct { volatile uint32_t CTRL, LOAD, VAL, CALIB; } SysTick_Type;
extern SysTick_Type *const SysTick;
extern uint32_t SystemCoreClock;
uint32_t SysTick_Config(uint32_t ticks);
void SysTick_Handler(void);

#endif
